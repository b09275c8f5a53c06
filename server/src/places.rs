//! Places: how many of something are open at once, in all and for one address, each given back when it ends.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many places.
#[derive(Debug)]
pub struct Places {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    /// At most so many at once.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    /// A place for this address, which may have `most_each` of them; `None` where it, or everybody together, has too many.
    #[must_use]
    pub fn take(self: &Arc<Self>, address: IpAddr, most_each: usize) -> Option<Place> {
        let mut open = self.open();
        let those = open.by.get(&address).copied().unwrap_or_default();
        if open.all >= self.most || those >= most_each {
            return None;
        }
        open.all += 1;
        open.by.insert(address, those + 1);
        Some(Place { places: Arc::clone(self), address })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.open();
        open.all = open.all.saturating_sub(1);
        match open.by.get_mut(&self.address) {
            Some(those) if *those > 1 => *those -= 1,
            _ => _ = open.by.remove(&self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + number))
    }

    #[test]
    fn places_of_one_address_are_bounded_and_given_back() {
        let places = Places::new(100);
        let held = [places.take(address(1), 2), places.take(address(1), 2)];
        assert!(held.iter().all(Option::is_some));
        assert!(places.take(address(1), 2).is_none());
        assert!(places.take(address(2), 2).is_some());
        drop(held);
        let open = places.open();
        assert_eq!((open.all, open.by.len()), (0, 0));
    }

    #[test]
    fn all_places_together_are_bounded() {
        let places = Places::new(1000);
        let held: Vec<_> = (0..1000).filter_map(|number| places.take(address(number), 1)).collect();
        assert_eq!(held.len(), 1000);
        assert!(places.take(address(1000), 1).is_none());
        assert_eq!(places.open().by.len(), 1000, "who was turned away leaves no entry");
    }
}
