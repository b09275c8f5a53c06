//! Transcripts: what the programs print, literally, with exit codes; times, ids, ports and folders written as placeholders.
//!
//! A file of `transcripts/` holds commands (`$ `) and what came of them: `[exit code]`, stdout plain, stderr after `! `.
//! `UPDATE=1 cargo test -p cleartitle-tests --test e2e transcripts` writes them anew: read the difference before it is kept.

use std::path::Path;

use harness::{Registry, binaries};

#[test]
fn a_publisher_and_a_lab() {
    check("first-steps");
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    check("mistakes");
}

#[test]
fn inputs_are_known_by_what_they_have() {
    check("inputs");
}

#[test]
fn a_publishers_own_files() {
    check("publish-and-lint");
}

#[test]
fn an_observer_reads_a_crawl() {
    check("observe");
}

#[test]
fn a_log_that_is_not_trusted() {
    check("trust");
}

#[test]
fn a_lab_learns_what_must_go() {
    check("impact");
}

#[test]
fn papers_that_data_sets_already_have() {
    check("papers");
}

#[test]
fn a_lab_discloses_what_it_trained_on() {
    check("disclosure");
}

#[test]
fn a_data_set_goes_through_a_year() {
    check("year");
}

/// Runs a transcript's commands in an empty folder against a fresh registry and compares everything that they say.
fn check(name: &str) {
    let path = harness::root().join(format!("tests/e2e/transcripts/{name}.txt"));
    let wanted = std::fs::read_to_string(&path).expect("a transcript");
    let registry = Registry::in_folder("warn");
    let folder = tempfile::tempdir().expect("a folder");
    let mut found = String::new();
    for line in wanted.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            let apart = if found.is_empty() { "" } else { "\n" };
            found.push_str(&format!("{apart}#{comment}\n"));
        } else if let Some(command) = line.strip_prefix("$ ") {
            found.push_str(&format!("\n$ {command}\n{}", outcome(command, &registry, folder.path())));
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &found).expect("a transcript");
    }
    registry.audit();
    assert!(wanted == found, "{name} differs from what is said now (UPDATE=1 writes it):\n{found}");
}

/// Runs one line: `{registry}`, `{log-key}` and `{data}` are filled in, `write NAME TEXT` makes a file.
fn outcome(line: &str, registry: &Registry, folder: &Path) -> String {
    let key = std::fs::read_to_string(registry.data().join("log.pub")).expect("the log's key");
    let data = registry.data().display().to_string();
    let filled = [("{registry}", registry.url("")), ("{log-key}", key.trim().to_owned()), ("{data}", data.clone())];
    let words: Vec<String> = line
        .split(' ')
        .map(|word| filled.iter().fold(word.to_owned(), |word, (name, value)| word.replace(name, value)))
        .collect();
    if words[0] == "write" {
        std::fs::write(folder.join(&words[1]), words[2..].join(" ").replace("\\n", "\n").replace("\\t", "\t"))
            .expect("a file");
        return String::new();
    }
    let program = match words[0].as_str() {
        "cleartitle" => binaries::client_path(),
        "cleartitle-server" => binaries::server_path(),
        other => panic!("`{other}` is not one of the programs"),
    };
    let ran = binaries::run(program, &words[1..], Some(folder));
    let mut told = format!("[{}]\n", ran.code);
    for (mark, text) in [("", &ran.stdout), ("! ", &ran.stderr)] {
        for line in text.lines() {
            let mut line = line.to_owned();
            for (name, value) in &filled {
                line = line.replace(value.as_str(), name);
            }
            line = line.replace(&folder.display().to_string(), "{folder}");
            // What would be taken for a comment or a command of the transcript itself.
            let mark = if mark.is_empty() && line.starts_with(['#', '$', '\\']) { "\\" } else { mark };
            told.push_str(format!("{mark}{}", plain(&line)).trim_end());
            told.push('\n');
        }
    }
    told
}

/// Writes ids, times and roots as placeholders.
fn plain(line: &str) -> String {
    let mut words = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let length = rest
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || "+/=:-".contains(letter)))
            .unwrap_or(rest.len());
        if length == 0 {
            let letter = rest.chars().next().map_or(1, char::len_utf8);
            words.push_str(&rest[..letter]);
            rest = &rest[letter..];
            continue;
        }
        words.push_str(&placeholder(&rest[..length]));
        rest = &rest[length..];
    }
    words
}

fn placeholder(word: &str) -> String {
    let (kind, tail) = word.rsplit_once(':').unwrap_or(("", word));
    if tail.len() == 64 && tail.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return if kind.is_empty() { "<hex>".to_owned() } else { format!("{kind}:<hex>") };
    }
    let is_time = word.len() == 20 && word.starts_with("20") && word.ends_with('Z') && word.as_bytes()[10] == b'T';
    if is_time {
        return "<time>".to_owned();
    }
    if tail.len() == 44 && tail.ends_with('=') {
        return format!("{}<base64>", &word[..word.len() - 44]);
    }
    word.to_owned()
}
