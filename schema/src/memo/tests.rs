//! What the shelves hold is bounded, and what stands in a key.

use super::*;

#[test]
fn a_full_part_is_thinned_and_nothing_is_found_that_was_not_put() {
    let shelf: Shelf<usize> = Shelf::within(64 * 4096, 7);
    let key = |number: usize| number.to_le_bytes();
    for number in 0..10_000 {
        shelf.put(&key(number), &Arc::new(number), 300);
        assert_eq!(shelf.get(&key(number)).as_deref(), Some(&number));
    }
    let (count, weight) = shelf.held();
    assert!(count > 64 * 4 && weight <= 64 * 4096, "{count} entries of {weight} bytes");
    // What is put again is counted once, and what alone is too much is not held.
    let before = shelf.held();
    (0..100).for_each(|_| shelf.put(&key(9_999), &Arc::new(9_999), 300));
    shelf.put(&key(20_000), &Arc::new(20_000), 5000);
    assert_eq!((shelf.held(), shelf.get(&key(20_000))), (before, None));
    let found = (0..20_000).filter_map(|number| Some((number, shelf.get(&key(number))?)));
    assert_eq!(found.inspect(|(number, value)| assert_eq!(*number, **value)).count(), count);
}

#[test]
fn a_long_key_is_kept_as_its_hash_and_tells_apart_what_it_told() {
    let keys = Acquisition::fetched("https://press.example/a").keys().0;
    let reading = Reading::default();
    let written = |beside: &[u8], used_at: i64| {
        let mut key = Key::default();
        let used_at = Timestamp(used_at);
        let asked = Asked { sets: &[1], keys: &keys, copy: Plain::default(), used_at, reading: &reading, beside };
        key.write(&asked, None);
        key
    };
    let (one, other) = (vec![1; 10_000], vec![2; 10_000]);
    assert_eq!(written(&one, 0).bytes.len(), 32);
    assert_eq!(written(&one, 0), written(&one, 5), "nothing is said, so that no time parts them");
    assert!(written(&one, 0) != written(&other, 0));
    assert!(written(&[1], 0) != written(&[1, 1], 0));
}

#[test]
fn what_is_not_plain_is_none_of_the_memos() {
    let plain = Acquisition::fetched("https://press.example/a");
    assert!(Plain::of(&plain).is_some());
    let mut others = vec![plain; 3];
    others[0].published_at = Some(Timestamp(0));
    others[1].urls = vec![others[0].urls[0].clone(); 2];
    others[2].collections.push("a".to_owned());
    assert!(others.iter().all(|copy| Plain::of(copy).is_none()));
}
