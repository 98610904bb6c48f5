//! Paths as URLs (RFC 8089), whichever system they are of.

use std::fmt::Write as _;

/// Letters that stand for themselves in the path of a URL (RFC 3986, `unreserved`, and the separator).
fn stands(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte)
}

/// Whether a path is of Windows: it begins with a drive or names a share.
pub fn is_windows(path: &str) -> bool {
    drive(path).is_some() || path.starts_with(r"\\")
}

fn drive(path: &str) -> Option<char> {
    let mut letters = path.chars();
    let drive = letters.next().filter(char::is_ascii_alphabetic)?;
    let rest = (letters.next(), letters.next());
    matches!(rest, (Some(':'), Some('\\' | '/'))).then_some(drive)
}

/// The URL of a file; `host` is what local paths have as their host, empty or `localhost`.
pub fn of_file(path: &str, host: &str) -> String {
    let slashes = if is_windows(path) { path.replace('\\', "/") } else { path.to_owned() };
    if let Some(share) = slashes.strip_prefix("//").filter(|_| is_windows(path)) {
        return format!("file://{}", encoded(share));
    }
    match drive(path) {
        Some(drive) => format!("file://{host}/{drive}:{}", encoded(&slashes[2..])),
        None => format!("file://{host}{}", encoded(&slashes)),
    }
}

fn encoded(path: &str) -> String {
    let mut url = String::with_capacity(path.len() + 16);
    for byte in path.bytes() {
        if stands(byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_has_its_form() {
        for (path, host, url) in [
            ("/a b/ü&<#?%.mov", "", "file:///a%20b/%C3%BC%26%3C%23%3F%25.mov"),
            ("/a/b.mov", "localhost", "file://localhost/a/b.mov"),
            (r"C:\Footage\a b.mov", "", "file:///C:/Footage/a%20b.mov"),
            (r"C:\Footage\a.mov", "localhost", "file://localhost/C:/Footage/a.mov"),
            ("D:/a/b.mov", "", "file:///D:/a/b.mov"),
            (r"\\nas\rushes\a;b.mov", "localhost", "file://nas/rushes/a%3Bb.mov"),
            // On Unix a backslash is a letter like any other.
            (r"/odd\name.mov", "", "file:///odd%5Cname.mov"),
        ] {
            assert_eq!(of_file(path, host), url, "{path}");
        }
    }
}
