//! Room on the disk: texts, which can be read again, leave some of it for what the user does, which cannot.

use super::Store;
use super::error::StoreError;

impl Store {
    /// Makes sure that there is room for texts of so many octets more, which are written twice: to the log and to the file.
    ///
    /// # Errors
    /// [`StoreError::NoRoom`] when what is left is kept for the journal.
    pub fn require_room(&self, more: u64) -> Result<(), StoreError> {
        let dir = &self.inner.dir;
        let disk = rustix::fs::statvfs(dir).map_err(|error| StoreError::io(dir, error.into()))?;
        let octets = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        let left = octets(disk.f_bavail);
        let kept_free = kept_free(octets(disk.f_blocks));
        if left < kept_free.saturating_add(more.saturating_mul(2)) {
            return Err(StoreError::NoRoom { left });
        }
        Ok(())
    }
}

/// How much of a disk of so many octets is kept free.
fn kept_free(octets: u64) -> u64 {
    (octets / 8).min(MOST_KEPT_FREE)
}

const MOST_KEPT_FREE: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_small_disk_a_part_is_kept_free_and_of_a_large_one_what_suffices() {
        assert_eq!(kept_free(64 << 20), 8 << 20);
        assert_eq!(kept_free(2 << 30), 256 << 20);
        assert_eq!(kept_free(4 << 40), 256 << 20);
    }
}
