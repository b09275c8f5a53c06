//! Baselines, locks and the gate's half of a policy: reading never panics, and what a lock writes it reads again.
#![no_main]

use cleartitle::gate::baseline::Baseline;
use cleartitle::gate::lock::Lock;
use cleartitle::policy_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Baseline::read(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = policy_file::parse_with_rules("f", text);
    if let Ok(lock) = Lock::parse("f", text) {
        assert_eq!(Lock::parse("f", &lock.to_text()).as_ref(), Ok(&lock));
    }
});
