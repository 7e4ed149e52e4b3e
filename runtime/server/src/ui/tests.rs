//! That the program has all files of the page, and not too many bytes of them.

use super::{FILES, find, names};
use axum::http::HeaderValue;
use std::collections::BTreeSet;
use std::path::Path;

/// All files together: a page that opens at once over a slow line, uncompressed.
const BYTES_MAX: usize = 150 << 10;

fn files_in(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the page's folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => files_in(&entry.path(), &format!("{name}/"), found),
            false => drop(found.insert(name)),
        }
    }
}

fn text(name: &str) -> &'static str {
    let file = find(name).unwrap_or_else(|| panic!("there is no {name}"));
    std::str::from_utf8(file.bytes).expect("UTF-8")
}

#[test]
fn every_file_of_the_page_is_served() {
    let mut present = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    files_in(&folder, "", &mut present);
    let served: BTreeSet<_> = FILES.iter().map(|file| file.name.to_owned()).collect();
    assert_eq!(present, served);
}

#[test]
fn the_page_is_small() {
    let bytes: usize = FILES.iter().map(|file| file.bytes.len()).sum();
    assert!(bytes <= BYTES_MAX, "{bytes} bytes, more than {BYTES_MAX}");
}

/// Strangers' text is made text by the document, never parsed. Nothing is loaded from elsewhere.
#[test]
fn nothing_makes_markup_of_text_or_names_another_host() {
    let ways = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "DOMParser",
        "eval(",
        "new Function",
        "style=",
        "localStorage.setItem(KEY",
    ];
    for file in FILES {
        let text = text(file.name);
        for way in ways {
            assert!(!text.contains(way), "{}: {way}", file.name);
        }
        let foreign = text.replace("http://www.w3.org/2000/svg", "");
        for scheme in ["http://", "https://", "src=\"//"] {
            assert!(!foreign.contains(scheme), "{}: {scheme}", file.name);
        }
        let sheet = file.name.ends_with(".css");
        assert!(!sheet || !text.contains("url("), "{}", file.name);
    }
}

/// What a file names of the others is there: an import of a file that is gone shows in no other way before somebody looks.
#[test]
fn what_is_imported_is_there() {
    for file in FILES {
        let folder = Path::new(file.name).parent().expect("a folder");
        let text = text(file.name);
        let imports = text.split(" from \"").skip(1);
        let links = text
            .split_inclusive(['=', ' '])
            .zip(text.split(['=', ' ']).skip(1));
        let links =
            links.filter(|(before, _)| before.ends_with("href=") || before.ends_with("src="));
        let html = file.name.ends_with(".html");
        let linked = links
            .filter(|_| html)
            .map(|(_, after)| after.trim_start_matches('"'));
        for rest in imports.chain(linked) {
            let name = rest.split('"').next().unwrap_or_default();
            if name.starts_with('#') {
                continue;
            }
            let path = match name.strip_prefix("../") {
                Some(name) => name.to_owned(),
                None => folder
                    .join(name.trim_start_matches("./"))
                    .to_string_lossy()
                    .into_owned(),
            };
            assert!(find(&path).is_some(), "{} wants {name}", file.name);
        }
    }
}

#[test]
fn a_tag_is_known_in_all_its_forms() {
    let known = |text: &'static str| names(&HeaderValue::from_static(text), "\"1f\"");
    assert!(known("\"1f\"") && known("\"0\", W/\"1f\"") && known("*"));
    assert!(!known("\"1\"") && !known("1f") && !known(""));
}
