//! Crawls that were made to break a reader, run by the real program: what is sound is decided on, the rest is told, nothing
//! more is held than was said, and a disk or a pipe that gives out leaves nothing with a finished name.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use harness::crawl::{self, KEEP_CLEARED, KEEP_EVERYTHING, Lab};
use harness::{Ran, Registry, binaries};

/// What a run may hold at most, as its help says.
const MOST_HELD: u64 = 512 << 20;
const MIB: usize = 1 << 20;

fn lab() -> Lab {
    Lab::pull(&Registry::with_press_and_open())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

/// A response of open.example as a WARC record; `claimed` is its block's length where that is not the true one.
fn response(number: usize, fields: &str, body: &[u8], claimed: Option<u64>) -> Vec<u8> {
    let block = [format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{fields}\r\n").as_bytes(), body].concat();
    let head = format!(
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012x}>\r\n\
         WARC-Date: 2026-10-01T00:00:00Z\r\nWARC-Target-URI: http://open.example/{number}\r\n\
         Content-Type: application/http;msgtype=response\r\nContent-Length: {}\r\n\r\n",
        claimed.unwrap_or(block.len() as u64)
    );
    [head.as_bytes(), &block, b"\r\n\r\n"].concat()
}

fn write(lab: &Lab, name: &str, bytes: &[u8]) -> PathBuf {
    let path = lab.folder().join(name);
    std::fs::write(&path, bytes).expect("room for a crawl");
    path
}

/// Runs the filter and watches the most memory that it held, in bytes, its mapped snapshot counted too.
fn watched(lab: &Lab, out: &str, inputs: &[PathBuf], more: &[&str]) -> (Ran, u64) {
    let mut command = binaries::command(binaries::client_path());
    command.args(lab.filter_arguments(KEEP_EVERYTHING, out, inputs, more));
    let line = format!("{command:?}");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().expect("a state").is_none() {
        // Grows only, so that the last look before the end has it but for the last moments.
        let held = std::fs::read_to_string(&status).ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        });
        most = most.max(held.unwrap_or_default() * 1024);
        std::thread::sleep(Duration::from_millis(5));
    }
    (binaries::ran(line, child.wait_with_output().expect("an end")), most)
}

fn kept(lab: &Lab, out: &str) -> Vec<String> {
    let rows = lab.rows(out, "manifest.jsonl");
    rows.iter().map(|row| row["url"].as_str().unwrap_or_default().replace("http://open.example/", "")).collect()
}

fn damage(lab: &Lab, out: &str) -> Vec<String> {
    lab.rows(out, "damage.jsonl").iter().map(|row| row["what"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn bombs_and_huge_records_are_told_and_memory_stays_bounded() {
    let lab = lab();
    let zeros = vec![0; 160 * MIB];
    let member = |number, fields: &str, body: &[u8]| gzip(&response(number, fields, body, None));
    // A member that inflates to far more than is read, and a payload that does.
    let bombs = [member(1, "", b"<p>one"), member(2, "", &zeros), member(3, "", b"<p>three")].concat();
    let coded = member(5, "Content-Encoding: gzip\r\n", &gzip(&zeros));
    let coded = [member(4, "", b"<p>four"), coded, member(6, "", b"<p>six")].concat();
    drop(zeros);
    // As large as is read, side by side, each on a thread of its own; noise, so that it is as large as it is stored.
    let mut noise = vec![0; 60 * MIB];
    let mut state = 1_u64;
    for word in noise.chunks_exact_mut(8) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        word.copy_from_slice(&state.to_le_bytes());
    }
    let large: Vec<u8> = (7..10).flat_map(|number| response(number, "", &noise, None)).collect();
    let inputs = [
        write(&lab, "bombs.warc.gz", &bombs),
        write(&lab, "coded.warc.gz", &coded),
        write(&lab, "large.warc", &large),
        write(&lab, "large-too.warc", &large),
    ];
    for (out, threads) in [("one", "1"), ("two", "2")] {
        let (ran, held) = watched(&lab, out, &inputs, &["--threads", threads]);
        let ran = ran.exits(1);
        println!("{threads} threads held at most {} MiB", held >> 20);
        assert!(held > 0 && held < MOST_HELD, "{threads} threads held {held} bytes\n{}", ran.stderr);
        assert_eq!(kept(&lab, out), ["1", "3", "4", "6", "7", "8", "9", "7", "8", "9"]);
        assert_eq!(damage(&lab, out).len(), 2, "{:?}", damage(&lab, out));
    }
}

#[test]
fn many_records_hold_no_more_than_few() {
    let lab = lab();
    let body = vec![b'x'; 4 * MIB];
    let path = lab.folder().join("many.warc");
    let mut file = std::fs::File::create(&path).expect("a crawl");
    for number in 0..100 {
        file.write_all(&response(number, "", &body, None)).expect("room for a crawl");
    }
    drop(file);
    let (ran, held) = watched(&lab, "out", &[path], &["--threads", "4"]);
    let _ = ran.exits(0);
    println!("400 MiB of records, 4 threads: at most {} MiB held", held >> 20);
    assert!(held > 0 && held < MOST_HELD, "{held} bytes were held");
}

#[test]
fn lies_about_lengths_and_records_within_records_deceive_nobody() {
    let lab = lab();
    let sound = |number| response(number, "", b"<p>text", None);
    let inner = [b"</p>\r\n\r\n\r\n".as_slice(), &sound(99)].concat();
    let nested = [sound(1), response(2, "", &inner, None), sound(3)].concat();
    let ten_gib = [sound(4), response(5, "", b"<p>short", Some(10 << 30))].concat();
    let long_line =
        [sound(6), response(7, &format!("X: {}\r\n", "y".repeat(100 * MIB)), b"<p>", None), sound(8)].concat();
    let whole = gzip(&sound(9));
    let cut = [whole.as_slice(), &gzip(&sound(10))[..whole.len() / 2]].concat();
    let long_head = b"WARC/1.0\r\nWARC-Type: ".to_vec();
    let long_head = [sound(11), [long_head, vec![b'z'; 100 * MIB]].concat()].concat();
    for (name, bytes, wanted, damaged) in [
        ("nested.warc", nested, &["1", "2", "3"][..], 0),
        ("ten-gib.warc", ten_gib, &["4"], 1),
        ("long-line.warc", long_line, &["6", "8"], 1),
        ("cut.warc.gz", cut, &["9"], 1),
        ("long-head.warc", long_head, &["11"], 1),
    ] {
        let input = write(&lab, name, &bytes);
        let out = format!("out-{name}");
        let (ran, held) = watched(&lab, &out, &[input], &[]);
        let ran = ran.exits(i32::from(damaged > 0));
        assert_eq!(kept(&lab, &out), wanted, "{name}");
        assert_eq!(damage(&lab, &out).len(), damaged, "{name}: {:?}", damage(&lab, &out));
        assert!(damaged == 0 || ran.stderr.contains("damage: "), "{name}: {}", ran.stderr);
        assert!(held < MOST_HELD, "{name}: {held} bytes were held");
    }
}

/// The program under a limit on the size of files, which gives out as a full disk does.
fn on_a_full_disk(arguments: &[String], blocks: u32) -> Ran {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = binaries::command(Path::new("bash"));
    command.args(["-c", &script]).arg(binaries::client_path()).args(arguments);
    binaries::ran(format!("{command:?}"), command.output().expect("a shell"))
}

#[test]
fn a_full_disk_ends_the_run_with_nothing_half_done_under_its_name() {
    let lab = lab();
    let small = lab.folder().join("a-small.warc");
    crawl::write_warc(&small, 0, 3);
    let large = lab.folder().join("b-large.warc");
    crawl::write_warc(&large, 10, 3000);
    let inputs = [small, large];
    let _ = lab.filter(KEEP_CLEARED, "whole", &inputs, &[]).exits(0);
    let arguments = lab.filter_arguments(KEEP_CLEARED, "full", &inputs, &["--threads", "1"]);
    let ran = on_a_full_disk(&arguments, 100).exits(2);
    assert!(ran.stderr.contains("cannot write `") && ran.stderr.contains("--resume"), "{}", ran.stderr);
    let out = lab.folder().join("full");
    assert!(out.join("kept/a-small.warc").exists() && !out.join("kept/b-large.warc").exists());
    assert!(!out.join("report.json").exists() && !out.join("manifest.jsonl").exists());
    let _ = lab.filter(KEEP_CLEARED, "full", &inputs, &["--resume", "--threads", "1"]).exits(0);
    for name in ["kept/a-small.warc", "kept/b-large.warc", "manifest.jsonl", "damage.jsonl", "report.json"] {
        let read = |out: &str| std::fs::read(lab.folder().join(out).join(name)).expect(name);
        assert!(read("full") == read("whole"), "{name}");
    }
}

#[test]
fn a_pipe_that_closes_early_is_no_error_and_the_folder_is_whole() {
    let lab = lab();
    let input = lab.folder().join("made.warc");
    crawl::write_warc(&input, 0, 3000);
    let arguments = lab.filter_arguments(KEEP_CLEARED, "out", &[input], &["--kept", "-"]);
    let mut command = binaries::command(binaries::client_path());
    let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process");
    let mut first = [0; 8];
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_exact(&mut first).expect("the first bytes");
    drop(stdout);
    assert!(child.wait().expect("an end").success());
    assert_eq!(&first, b"WARC/1.0");
    assert!(lab.folder().join("out/report.json").exists());
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_or_round_are_told() {
    let lab = lab();
    let link = |name: &str, to: &str| {
        let path = lab.folder().join(name);
        std::os::unix::fs::symlink(to, &path).expect("a link");
        path
    };
    let (gone, round) = (link("gone.warc", "no-such-file"), link("round.warc", "round.warc"));
    for input in [gone, round] {
        let name = input.file_name().expect("a name").to_string_lossy().into_owned();
        let ran = lab.filter(KEEP_CLEARED, &format!("out-{name}"), &[input], &[]).exits(2);
        assert!(ran.stderr.contains(&name), "{}", ran.stderr);
    }
    let made = lab.folder().join("made.warc");
    crawl::write_warc(&made, 0, 3);
    let _ = lab.filter(KEEP_CLEARED, "out", &[link("linked.warc", "made.warc")], &[]).exits(0);
    assert_eq!(kept(&lab, "out").len(), 1);
}
