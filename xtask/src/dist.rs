//! What is computed from the files that are served: their names, the precache list, the script of the service worker and
//! the headers. Bytes in, text out; [`crate::post_build`] does the reading and writing.

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};

/// The script of the service worker: it carries the precache list, so it cannot be on it.
pub(crate) const SERVICE_WORKER: &str = "sw.js";

/// The script of the worker that reads QR codes: its name stays, as the page knows it.
pub(crate) const SCANNER: &str = "scan.js";

/// The script that gives it pictures: it is served as it stands in `static/`.
pub(crate) const CAMERA: &str = "camera.js";

/// The script that saves what a test version kept, with the scanner's wasm.
pub(crate) const OLDER: &str = "older.js";

/// What the names begin with of the files that the scanner loads.
const SCANNER_PARTS: &str = "scan-";

/// What the name begins with of the rest of the app, which the page loads when its first screen is drawn.
pub(crate) const REST: &str = "rest-";

/// The headers, which the server reads and does not serve.
pub(crate) const HEADERS: &str = "_headers";

/// One file that is served: path without a leading slash, and content.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    /// As in `icons/192.png`.
    pub(crate) path: String,
    /// Its bytes.
    pub(crate) content: Vec<u8>,
}

impl Served {
    /// The path in a URL. The page is `/`: the server redirects `/index.html` there, and a redirected answer must not be
    /// given to a navigation.
    fn url(&self) -> String {
        if self.path == "index.html" { "/".into() } else { format!("/{}", self.path) }
    }

    fn hash(&self) -> String {
        format!("sha256-{}", STANDARD.encode(Sha256::digest(&self.content)))
    }

    fn is_precached(&self) -> bool {
        let is_fetched = self.path != SERVICE_WORKER && self.path != HEADERS && !self.is_for_the_system();
        is_fetched && !self.is_for_later() && !self.is_rest()
    }

    /// What few visits need: kept when the app is opened again, or needs it.
    fn is_for_later(&self) -> bool {
        self.path.starts_with(SCANNER_PARTS) || self.path == OLDER
    }

    /// The rest of the app: kept when the page has loaded it, and with all else in an update.
    pub(crate) fn is_rest(&self) -> bool {
        self.path.starts_with(REST)
    }

    /// An icon of the manifest or of an Apple device: the system fetches and keeps it when the app is installed, and no
    /// page ever asks for it.
    fn is_for_the_system(&self) -> bool {
        self.path.ends_with(".png")
    }

    /// Whether the first visit fetches it.
    pub(crate) fn is_of_first_visit(&self) -> bool {
        self.is_precached() || self.path == SERVICE_WORKER
    }
}

/// The first `digits` of the bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8], digits: usize) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().chars().take(digits).collect()
}

/// `app.css` with its content's hash in it, `app-0123456789abcdef.css`: such a name never stands for other bytes, so the
/// file may be kept for ever.
pub(crate) fn name_by_content(stem: &str, extension: &str, content: &[u8]) -> String {
    format!("{stem}-{}.{extension}", hex(&Sha256::digest(content), 16))
}

/// Puts the new name in place of the old one wherever a page refers to it by `"/old"` or `'/old'`.
pub(crate) fn rename_in_page(page: &str, old: &str, new: &str) -> Result<String> {
    let mut renamed = page.to_owned();
    for quote in ['"', '\''] {
        renamed = renamed.replace(&format!("/{old}{quote}"), &format!("/{new}{quote}"));
    }
    if renamed == page {
        bail!("the page does not refer to {old}, so nothing would load it");
    }
    Ok(renamed)
}

/// Fills the template of the service worker's script.
///
/// A browser looks for a new version in this one file, byte by byte: all that may change must be in it.
pub(crate) fn service_worker(
    template: &str,
    files: &[Served],
    headers: &str,
    app_js: &str,
    app_wasm: &str,
) -> Result<String> {
    let sorted = |wanted: fn(&Served) -> bool| {
        let mut chosen: Vec<&Served> = files.iter().filter(|file| wanted(file)).collect();
        chosen.sort_by(|a, b| a.path.cmp(&b.path));
        chosen
    };
    let [precached, rest, later] = [Served::is_precached, Served::is_rest, Served::is_for_later].map(sorted);
    let mut version = Sha256::new();
    version.update(template);
    version.update(headers);
    for file in precached.iter().chain(&rest).chain(&later) {
        version.update(format!("{} {}\n", file.path, file.hash()));
    }
    let list = |files: &[&Served]| {
        let list: Vec<_> = files.iter().map(|file| json!({ "url": file.url(), "hash": file.hash() })).collect();
        serde_json::to_string(&list)
    };
    fill(
        template,
        &[
            ("__VERSION__", &hex(&version.finalize(), 16)),
            ("__PRECACHE__", &list(&precached)?),
            ("__REST__", &list(&rest)?),
            ("__LATER__", &list(&later)?),
            ("__HEADERS__", &hex(&Sha256::digest(headers), 8)),
            ("__APP_JS__", &format!("/{app_js}")),
            ("__APP_WASM__", &format!("/{app_wasm}")),
        ],
    )
    .context("static/sw.js")
}

/// Fills the template of a script that loads the scanner's wasm.
pub(crate) fn scanner(template: &str, js: &str, wasm: &str) -> Result<String> {
    fill(template, &[("__SCAN_JS__", &format!("/{js}")), ("__SCAN_WASM__", &format!("/{wasm}"))])
}

/// The variable that names an address of the phone book that has IPv4 only, as in `https://v4.tasks.example`.
pub(crate) const PHONE_BOOK_V4: &str = "PARTYLINE_PHONE_BOOK_V4";

/// Names the phone book's IPv4 address in the page, where the app looks for it; leaves the page alone if there is none.
pub(crate) fn name_phone_book(page: &str, origin: &str) -> Result<String> {
    if origin.is_empty() {
        return Ok(page.to_owned());
    }
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or_default();
    if host.is_empty() || !host.chars().all(|char| char.is_ascii_alphanumeric() || ".-:".contains(char)) {
        bail!("{PHONE_BOOK_V4} is an origin such as https://v4.tasks.example, and not {origin}");
    }
    let meta = format!("<meta name=\"phone-book-v4\" content=\"{origin}\" />\n  </head>");
    let named = page.replacen("</head>", &meta, 1);
    if named == page {
        bail!("the page has no </head>");
    }
    Ok(named)
}

/// Fills the template of the headers: the hashes of the page's inline scripts, where it may ask how IPv4 sees it, and a rule
/// for each file named by content.
pub(crate) fn headers(template: &str, page: &str, phone_book_v4: &str, named_by_content: &[String]) -> Result<String> {
    let hashes: Vec<String> = inline_scripts(page)?.into_iter().map(csp_hash).collect();
    let rules: Vec<String> = named_by_content
        .iter()
        .map(|name| format!("/{name}\n  Cache-Control: public, max-age=31536000, immutable\n"))
        .collect();
    let source = if phone_book_v4.is_empty() { String::new() } else { format!(" {phone_book_v4}") };
    let filled = [
        ("__SCRIPT_HASHES__", &*hashes.join(" ")),
        ("__PHONE_BOOK_V4__", &*source),
        ("__IMMUTABLE__", &*rules.join("\n")),
    ];
    fill(template, &filled).context("static/_headers")
}

/// A source of a Content Security Policy that allows exactly this script.
fn csp_hash(script: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)))
}

/// The text of each inline script of a page. What the policy would refuse anyway is an error, as nobody would see it
/// before the page is open.
fn inline_scripts(page: &str) -> Result<Vec<&str>> {
    if page.contains("<style") || page.contains(" style=\"") {
        bail!("the page has inline styles, which its Content Security Policy refuses");
    }
    let mut scripts = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("<script") {
        let (attributes, after) = after.split_once('>').context("a <script that does not end")?;
        let (script, after) = after.split_once("</script>").context("a <script> without </script>")?;
        if !attributes.contains("src=") {
            scripts.push(script);
        }
        rest = after;
    }
    Ok(scripts)
}

/// Puts values in place of tokens, each of which must be there.
fn fill(template: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut filled = template.to_owned();
    for (token, value) in values {
        if !filled.contains(token) {
            bail!("{token} is not in it");
        }
        filled = filled.replace(token, value);
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "v(\"__VERSION__\");p(__PRECACHE__);r(__REST__);l(__LATER__);h(__HEADERS__);import \"__APP_JS__\";w(\"__APP_WASM__\")";

    fn served(path: &str, content: &str) -> Served {
        Served { path: path.into(), content: content.into() }
    }

    fn worker(files: &[Served]) -> String {
        service_worker(TEMPLATE, files, "/*\n  a: b", "app-1.js", "app-2.wasm").unwrap()
    }

    #[test]
    fn the_precache_list_has_what_the_page_needs_and_neither_its_own_script_nor_what_others_read() {
        let files =
            ["sw.js", "_headers", "index.html", "app-1.css", "icons/a.svg", "icons/192.png", "older.js", "scan-1.wasm"]
                .map(|path| served(path, path));
        let script = worker(&files);
        let list = script.split_once("p(").unwrap().1.split_once(");").unwrap().0;
        let list: serde_json::Value = serde_json::from_str(list).unwrap();
        let urls: Vec<_> = list.as_array().unwrap().iter().map(|file| file["url"].as_str().unwrap()).collect();
        assert_eq!(urls, ["/app-1.css", "/icons/a.svg", "/"]);
        let later = script.split_once("l(").unwrap().1.split_once(");").unwrap().0;
        let later: serde_json::Value = serde_json::from_str(later).unwrap();
        let urls: Vec<_> = later.as_array().unwrap().iter().map(|file| file["url"].as_str().unwrap()).collect();
        assert_eq!(urls, ["/older.js", "/scan-1.wasm"]);
        // printf %s app-1.css | openssl dgst -sha256 -binary | base64
        assert_eq!(list[0]["hash"], "sha256-lTTVqR99C+m5SmoXsQN0Cib31rZpUx3cWEiH7iiG5Nw=");
    }

    #[test]
    fn the_script_changes_when_any_file_does_and_does_not_otherwise() {
        let before = worker(&[served("index.html", "old"), served("a.svg", "a")]);
        assert_ne!(before, worker(&[served("index.html", "new"), served("a.svg", "a")]));
        assert_eq!(before, worker(&[served("a.svg", "a"), served("index.html", "old")]));
    }

    #[test]
    fn the_script_changes_when_nothing_but_the_headers_does() {
        let files = [served("index.html", "page")];
        let script = |headers| service_worker(TEMPLATE, &files, headers, "app-1.js", "app-2.wasm").unwrap();
        let version = |script: &str| script.split_once(");p(").unwrap().0.to_owned();
        let (before, after) = (script("/*\n  x: 1"), script("/*\n  x: 2"));
        assert_ne!(version(&before), version(&after), "the files would be kept in one cache");
        assert_ne!(
            before.split_once(";h(").unwrap().1,
            after.split_once(";h(").unwrap().1,
            "and be taken for the same"
        );
    }

    #[test]
    fn a_template_that_lost_a_token_is_refused() {
        assert!(service_worker("nothing to fill", &[], "", "a", "b").is_err());
    }

    #[test]
    fn the_headers_allow_the_inline_scripts_of_the_page_and_no_others() {
        let page = "<script type=\"module\">\nhello()\n</script><script src=\"/x.js\"></script><script>1</script>";
        let headers = headers(
            "script-src 'self' __SCRIPT_HASHES__; connect-src 'self'__PHONE_BOOK_V4__\n__IMMUTABLE__",
            page,
            "",
            &[],
        )
        .unwrap();
        // printf 1 | openssl dgst -sha256 -binary | base64
        assert!(headers.contains("'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"), "{headers}");
        assert_eq!(headers.matches("'sha256-").count(), 2);
    }

    #[test]
    fn files_named_by_content_may_be_kept_for_ever() {
        let headers =
            headers("__SCRIPT_HASHES____PHONE_BOOK_V4__\n__IMMUTABLE__", "", "", &["app-1.css".into()]).unwrap();
        assert!(headers.contains("/app-1.css\n  Cache-Control: public, max-age=31536000, immutable"));
    }

    #[test]
    fn an_address_of_the_phone_book_for_ipv4_is_in_the_page_and_in_its_policy() {
        let origin = "https://v4.tasks.example";
        let page = name_phone_book("<head></head>", origin).unwrap();
        assert!(page.contains("<meta name=\"phone-book-v4\" content=\"https://v4.tasks.example\" />"), "{page}");
        let template = "__SCRIPT_HASHES__; connect-src 'self'__PHONE_BOOK_V4__; x\n__IMMUTABLE__";
        let headers = headers(template, &page, origin, &[]).unwrap();
        assert!(headers.contains("; connect-src 'self' https://v4.tasks.example; x"), "{headers}");
        assert_eq!(name_phone_book("<head></head>", "").unwrap(), "<head></head>");
        for wrong in ["v4.tasks.example", "https://", "https://a; script-src *", "https://a/b", "https://a\"b"] {
            assert!(name_phone_book("<head></head>", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_with_styles_that_its_policy_refuses_is_refused_here() {
        assert!(inline_scripts("<style>p{}</style>").is_err());
        assert!(inline_scripts("<p style=\"color:red\">").is_err());
    }

    #[test]
    fn a_name_follows_the_content() {
        let name = name_by_content("app", "css", b"a");
        assert_eq!(name, "app-ca978112ca1bbdca.css");
        assert_ne!(name, name_by_content("app", "css", b"b"));
    }

    #[test]
    fn renaming_reaches_every_reference_and_only_whole_names() {
        let page = "<link href=\"/app.js\"><script>import '/app.js'; '/my/app.json'</script>";
        let renamed = rename_in_page(page, "app.js", "app-1.js").unwrap();
        assert_eq!(renamed, "<link href=\"/app-1.js\"><script>import '/app-1.js'; '/my/app.json'</script>");
        assert!(rename_in_page(page, "lost.js", "lost-1.js").is_err());
    }
}
