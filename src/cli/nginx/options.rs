//! nginx's command line as `ngx_get_options` reads it (`src/core/nginx.c`): letters may be glued, so may a value.

use super::signal::Signal;

/// Options of the command line.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
pub(super) struct Options {
    /// `-?`, `-h`
    pub(super) help: bool,
    /// `-v`, `-V`, `-?`, `-h`
    pub(super) version: bool,
    /// `-V`
    pub(super) configure: bool,
    /// `-t`, `-T`
    pub(super) test: bool,
    /// `-T`
    pub(super) dump: bool,
    /// `-q`
    pub(super) quiet: bool,
    /// `-s signal`
    pub(super) signal: Option<Signal>,
    /// `-p prefix`
    pub(super) prefix: Option<Vec<u8>>,
    /// `-e filename`; empty is standard error.
    pub(super) error_log: Option<Vec<u8>>,
    /// `-c filename`
    pub(super) file: Option<Vec<u8>>,
    /// `-g directives`
    pub(super) directives: Option<Vec<u8>>,
}

/// Reads the arguments after the program's name. The error is nginx's, without `nginx: `.
pub(super) fn parse(args: &[Vec<u8>]) -> Result<Options, Vec<u8>> {
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(letters) = arg.strip_prefix(b"-") else { return Err(invalid(arg)) };
        for (i, letter) in letters.iter().enumerate() {
            let mut value = |what: &str| {
                let glued = &letters[i + 1..];
                let value = if glued.is_empty() { args.next().cloned() } else { Some(glued.to_vec()) };
                value.ok_or_else(|| {
                    format!("option \"-{}\" requires {what}", char::from(*letter)).into_bytes()
                })
            };
            match letter {
                b'?' | b'h' => (options.version, options.help) = (true, true),
                b'v' => options.version = true,
                b'V' => (options.version, options.configure) = (true, true),
                b't' => options.test = true,
                b'T' => (options.test, options.dump) = (true, true),
                b'q' => options.quiet = true,
                _ => {
                    match letter {
                        b'p' => options.prefix = Some(value("directory name")?),
                        b'e' => {
                            let name = value("file name")?;
                            options.error_log = Some(if name == b"stderr" { Vec::new() } else { name });
                        }
                        b'c' => options.file = Some(value("file name")?),
                        b'g' => options.directives = Some(value("parameter")?),
                        b's' => {
                            let name = value("parameter")?;
                            let signal = Signal::by_name(&name);
                            options.signal =
                                Some(signal.ok_or_else(|| invalid(&[b"-s ", name.as_slice()].concat()))?);
                        }
                        _ => return Err(invalid(&[*letter])),
                    }
                    // The value was the rest of the argument, or the next one.
                    break;
                }
            }
        }
    }
    Ok(options)
}

fn invalid(option: &[u8]) -> Vec<u8> {
    [b"invalid option: \"", option, b"\""].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[&str]) -> Result<Options, String> {
        let args: Vec<Vec<u8>> = line.iter().map(|a| a.as_bytes().to_vec()).collect();
        parse(&args).map_err(|e| String::from_utf8_lossy(&e).into_owned())
    }

    #[test]
    fn letters_are_glued() {
        let options = read(&["-tqc/a", "-p", "b", "-gpid x;", "-e", "stderr", "-"]).unwrap();
        let expected = Options {
            test: true,
            quiet: true,
            file: Some(b"/a".to_vec()),
            prefix: Some(b"b".to_vec()),
            directives: Some(b"pid x;".to_vec()),
            error_log: Some(Vec::new()),
            ..Options::default()
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn errors_are_nginx_words() {
        let cases: &[(&[&str], &str)] = &[
            (&["x"], "invalid option: \"x\""),
            (&["-x"], "invalid option: \"x\""),
            (&["--help"], "invalid option: \"-\""),
            (&["-t", "-p"], "option \"-p\" requires directory name"),
            (&["-c"], "option \"-c\" requires file name"),
            (&["-te"], "option \"-e\" requires file name"),
            (&["-g"], "option \"-g\" requires parameter"),
            (&["-s"], "option \"-s\" requires parameter"),
            (&["-s", "halt"], "invalid option: \"-s halt\""),
            (&[""], "invalid option: \"\""),
        ];
        for (line, error) in cases {
            assert_eq!(read(line).unwrap_err(), *error, "{line:?}");
        }
    }
}
