//! Files that every nginx package ships: the text for an `include` whose file is missing, as in a repository that holds
//! only its own configuration.

use std::path::Path;

/// End of the path, the text, and who installs the file. nginx's own files are from its newest release.
const SHIPPED: &[(&str, &[u8], &str)] = &[
    ("mime.types", include_bytes!("../../grammar/shipped/mime.types"), "nginx"),
    ("fastcgi_params", include_bytes!("../../grammar/shipped/fastcgi_params"), "nginx"),
    ("fastcgi.conf", include_bytes!("../../grammar/shipped/fastcgi.conf"), "nginx"),
    ("uwsgi_params", include_bytes!("../../grammar/shipped/uwsgi_params"), "nginx"),
    ("scgi_params", include_bytes!("../../grammar/shipped/scgi_params"), "nginx"),
    ("koi-utf", include_bytes!("../../grammar/shipped/koi-utf"), "nginx"),
    ("koi-win", include_bytes!("../../grammar/shipped/koi-win"), "nginx"),
    ("win-utf", include_bytes!("../../grammar/shipped/win-utf"), "nginx"),
    ("proxy_params", include_bytes!("../../grammar/shipped/proxy_params"), "Debian"),
    (
        "snippets/fastcgi-php.conf",
        include_bytes!("../../grammar/shipped/snippets/fastcgi-php.conf"),
        "Debian",
    ),
    ("options-ssl-nginx.conf", include_bytes!("../../grammar/shipped/options-ssl-nginx.conf"), "Certbot"),
];

/// Configuration directories of the nginx packages.
pub const ROOTS: [&str; 4] =
    ["/etc/nginx", "/usr/local/nginx/conf", "/usr/local/etc/nginx", "/usr/local/openresty/nginx/conf"];

/// Text of a file that every nginx ships, recognised by the end of its path.
pub fn shipped(path: &Path) -> Option<&'static [u8]> {
    entry(path).map(|(_, text, _)| *text)
}

/// The package that installs the file: nginx, Debian or Certbot.
pub fn shipper(path: &Path) -> Option<&'static str> {
    entry(path).map(|(_, _, who)| *who)
}

fn entry(path: &Path) -> Option<&'static (&'static str, &'static [u8], &'static str)> {
    SHIPPED.iter().find(|(name, ..)| path.ends_with(name))
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
        assert_eq!(shipper(Path::new("/etc/letsencrypt/options-ssl-nginx.conf")), Some("Certbot"));
    }

    #[test]
    fn roots_are_directories_not_beginnings_of_names() {
        assert_eq!(below_root(Path::new("/etc/nginx/conf.d/a.conf")), Some(Path::new("conf.d/a.conf")));
        assert_eq!(below_root(Path::new("/etc/nginx2/a.conf")), None);
    }
}
