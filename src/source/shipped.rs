//! Files that every nginx package ships: the text for an `include` whose file is missing, as in a repository that holds
//! only its own configuration.

use std::path::Path;

/// End of the path, and the text. nginx's own files are from its newest release; `proxy_params` and
/// `snippets/fastcgi-php.conf` are Debian's, `options-ssl-nginx.conf` is certbot's.
const SHIPPED: &[(&str, &[u8])] = &[
    ("mime.types", include_bytes!("../../grammar/shipped/mime.types")),
    ("fastcgi_params", include_bytes!("../../grammar/shipped/fastcgi_params")),
    ("fastcgi.conf", include_bytes!("../../grammar/shipped/fastcgi.conf")),
    ("uwsgi_params", include_bytes!("../../grammar/shipped/uwsgi_params")),
    ("scgi_params", include_bytes!("../../grammar/shipped/scgi_params")),
    ("koi-utf", include_bytes!("../../grammar/shipped/koi-utf")),
    ("koi-win", include_bytes!("../../grammar/shipped/koi-win")),
    ("win-utf", include_bytes!("../../grammar/shipped/win-utf")),
    ("proxy_params", include_bytes!("../../grammar/shipped/proxy_params")),
    ("snippets/fastcgi-php.conf", include_bytes!("../../grammar/shipped/snippets/fastcgi-php.conf")),
    ("options-ssl-nginx.conf", include_bytes!("../../grammar/shipped/options-ssl-nginx.conf")),
];

/// Configuration directories of the nginx packages.
pub const ROOTS: [&str; 4] =
    ["/etc/nginx", "/usr/local/nginx/conf", "/usr/local/etc/nginx", "/usr/local/openresty/nginx/conf"];

/// Text of a file that every nginx ships, recognised by the end of its path.
pub fn shipped(path: &Path) -> Option<&'static [u8]> {
    SHIPPED.iter().find(|(name, _)| path.ends_with(name)).map(|(_, text)| *text)
}

/// Rest of a path below one of the [`ROOTS`].
pub fn below_root(path: &Path) -> Option<&Path> {
    ROOTS.iter().find_map(|root| path.strip_prefix(root).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_the_end_of_its_path() {
        assert!(shipped(Path::new("/etc/nginx/mime.types")).is_some());
        assert!(shipped(Path::new("conf/snippets/fastcgi-php.conf")).is_some());
        assert!(shipped(Path::new("conf/fastcgi-php.conf")).is_none());
        assert!(shipped(Path::new("my-mime.types")).is_none());
    }

    #[test]
    fn roots_are_directories_not_beginnings_of_names() {
        assert_eq!(below_root(Path::new("/etc/nginx/conf.d/a.conf")), Some(Path::new("conf.d/a.conf")));
        assert_eq!(below_root(Path::new("/etc/nginx2/a.conf")), None);
    }
}
