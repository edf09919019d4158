//! Memory for a table: zero pages that the system hands over when they are written to.
use memmap2::MmapMut;

/// Numbers that are all 0 at first. Until it is written to, a page takes no memory.
#[derive(Debug)]
pub(super) struct Storage {
    map: MmapMut,
    length: usize,
}

/// From this size on, large pages are asked for: a lookup in a table of gigabytes misses the translation buffer otherwise.
#[cfg(target_os = "linux")]
const LARGE: usize = 64 << 20;

impl Storage {
    /// Room for `length` numbers; none if the system does not have it.
    pub(super) fn new(length: u128) -> Option<Self> {
        let length = usize::try_from(length).ok()?;
        let bytes = length.checked_mul(size_of::<f32>())?;
        // A mapping of no bytes is refused.
        let map = MmapMut::map_anon(bytes.max(1)).ok()?;
        #[cfg(target_os = "linux")]
        if bytes >= LARGE {
            // A system without large pages works just as well, only slower.
            let _ = map.advise(memmap2::Advice::HugePage);
        }
        Some(Self { map, length })
    }

    #[inline(always)]
    pub(super) fn as_slice(&self) -> &[f32] {
        bytemuck::cast_slice(&self.map[..self.length * size_of::<f32>()])
    }

    #[inline(always)]
    pub(super) fn as_mut_slice(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.map[..self.length * size_of::<f32>()])
    }
}
