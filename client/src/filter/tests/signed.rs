//! Shards of a list, and receipts: what is signed for is what lies there.

use super::made::{Made, Run, crawl, files, gzip, keeping, registered, reservation, snapshot};
use crate::filter::{Checks, FilterError};
use crate::run_receipt::{self, OUTPUTS, RECEIPT, ReceiptError};
use cleartitle_schema::policy::Policy;
use cleartitle_schema::signed::{self, Envelope};
use cleartitle_schema::time::Timestamp;
use ed25519_dalek::SigningKey;
use std::path::{Path, PathBuf};

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn inputs(folder: &Path, count: usize) -> Vec<PathBuf> {
    let write = |number: usize| {
        let path = folder.join(format!("{number}.warc.gz"));
        std::fs::write(&path, gzip(&crawl(6 + number))).unwrap();
        path
    };
    (0..count).map(write).collect()
}

fn run<'a>(snapshot: &'a Made, policy: &'a Policy, out: PathBuf, inputs: &[PathBuf]) -> Run<'a> {
    Run::over(snapshot, policy, &out, inputs)
}

fn reserved() -> Made {
    snapshot(registered(0, Timestamp(1_700_000_000), reservation("press.example")))
}

#[test]
fn shards_together_write_what_one_run_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshot, keeping, inputs) = (reserved(), keeping(), inputs(folder.path(), 5));
    let whole = folder.path().join("whole");
    run(&snapshot, &keeping, whole.clone(), &inputs).run(&mut ()).unwrap();
    let mut kept = Vec::new();
    for index in 1..=7 {
        let out = folder.path().join(format!("shard-{index}"));
        let shard = Some(format!("{index}/7").parse().unwrap());
        let report = Run { shard, ..run(&snapshot, &keeping, out.clone(), &inputs) }.run(&mut ()).unwrap();
        // More shards than inputs: the last ones have nothing to do, and say so.
        assert_eq!(report.inputs.len(), usize::from(index <= 5), "{index}");
        kept.extend(files(&out.join("kept")));
        kept.extend(files(&out.join("excluded")));
    }
    kept.sort();
    let mut wanted = files(&whole.join("kept"));
    wanted.extend(files(&whole.join("excluded")));
    wanted.sort();
    assert_eq!(kept, wanted);
}

fn check(out: &Path, key: &SigningKey) -> Result<u64, ReceiptError> {
    let envelope = Envelope::parse(&std::fs::read(out.join(RECEIPT)).unwrap()).unwrap();
    let public = key.verifying_key();
    let verified = signed::open(&envelope, |id| (*id == signed::key_id(&public)).then_some(public)).unwrap();
    run_receipt::check(&verified, out).map(|checked| checked.outputs)
}

#[test]
fn a_receipt_is_of_the_run_and_of_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshot, keeping, inputs) = (reserved(), keeping(), inputs(folder.path(), 2));
    let out = folder.path().join("out");
    let signing = || Run { sign_key: Some(key()), ..run(&snapshot, &keeping, out.clone(), &inputs) };
    signing().run(&mut ()).unwrap();
    // Per input what was kept and why the rest was not; manifest, damage and report.
    assert_eq!(check(&out, &key()).unwrap(), 7);
    let receipt = std::fs::read(out.join(RECEIPT)).unwrap();
    Run { resume: true, ..signing() }.run(&mut ()).unwrap();
    assert_eq!(std::fs::read(out.join(RECEIPT)).unwrap(), receipt, "equal runs sign equal bytes");
    for name in ["kept/0.warc.gz", "excluded/1.warc.gz.decisions.jsonl", "report.json", OUTPUTS, "inputs.sha256"] {
        let path = out.join(name);
        let honest = std::fs::read(&path).unwrap();
        let mut forged = honest.clone();
        forged[0] ^= 1;
        std::fs::write(&path, forged).unwrap();
        assert!(check(&out, &key()).is_err(), "{name} was changed");
        std::fs::remove_file(&path).unwrap();
        assert!(check(&out, &key()).is_err(), "{name} is gone");
        std::fs::write(&path, honest).unwrap();
    }
    assert_eq!(check(&out, &key()).unwrap(), 7);
}

#[test]
fn what_is_handed_on_is_signed_for() {
    use crate::filter::Check;
    use crate::filter::index::IndexRun;
    let folder = tempfile::tempdir().unwrap();
    let (snapshot, keeping, inputs) = (reserved(), keeping(), inputs(folder.path(), 1));
    let index = folder.path().join("i.cdxj");
    let row =
        r#"x 20240518015810 {"url": "https://open.example/", "filename": "a.warc.gz", "offset": "0", "length": "9"}"#;
    std::fs::write(&index, format!("{row}\n")).unwrap();
    let signing = |name: &str, inputs: &[PathBuf]| Run {
        sign_key: Some(key()),
        ..run(&snapshot, &keeping, folder.path().join(name), inputs)
    };
    let passes = [
        ("first", "0.warc.gz", Run { checks: Checks::only(&[Check::Urls]), ..signing("first", &inputs) }),
        ("rows", "i.cdxj", Run { index: Some(IndexRun { fetch: None }), ..signing("rows", &[index]) }),
    ];
    for (out, name, pass) in passes {
        pass.run(&mut ()).unwrap();
        let out = folder.path().join(out);
        check(&out, &key()).unwrap();
        for path in [format!("candidates/{name}"), format!("not-checked/{name}.decisions.jsonl")] {
            let path = out.join(path);
            let honest = std::fs::read(&path).unwrap();
            std::fs::write(&path, b"forged").unwrap();
            assert!(check(&out, &key()).is_err(), "{} was changed", path.display());
            std::fs::write(&path, honest).unwrap();
        }
    }
}

/// Changes an input once everything was decided, before its digest is taken.
struct Meddler(PathBuf);

impl crate::filter::Watch for Meddler {
    fn sum(&mut self, name: &str) {
        if name == "1.warc.gz" {
            std::fs::write(&self.0, gzip(&crawl(3))).unwrap();
        }
    }
}

#[test]
fn nothing_is_signed_over_inputs_that_changed_since() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshot, keeping, inputs) = (reserved(), keeping(), inputs(folder.path(), 2));
    let out = folder.path().join("out");
    let signing = Run { sign_key: Some(key()), ..run(&snapshot, &keeping, out.clone(), &inputs) };
    assert!(matches!(signing.run(&mut Meddler(inputs[1].clone())), Err(FilterError::Changed(_))));
    assert!(!out.join(RECEIPT).exists());
}
