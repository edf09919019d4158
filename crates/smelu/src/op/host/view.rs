//! Reading a tensor in row-major order, however it lies in memory.

use super::stored::Stored;

/// Elements that can be read in row-major order from any position on.
pub(in crate::op) trait View<T: Stored>: Sync {
    /// How many elements there are.
    fn len(&self) -> usize;

    /// The elements from position `start` on, where they lie one after another.
    fn stretch(&self, start: usize, length: usize) -> Option<&[T]>;

    /// The elements from position `start` on, as many as `into` takes.
    fn load(&self, start: usize, into: &mut [T::Compute]);
}

impl<T: Stored> View<T> for [T] {
    fn len(&self) -> usize {
        <[T]>::len(self)
    }

    fn stretch(&self, start: usize, length: usize) -> Option<&[T]> {
        self.get(start..start + length)
    }

    #[inline]
    fn load(&self, start: usize, into: &mut [T::Compute]) {
        T::load(&self[start..start + into.len()], into);
    }
}

/// A view with any strides: transposed, sliced, flipped or expanded.
pub(in crate::op) struct Strided<'a, T> {
    /// The whole buffer.
    pub(in crate::op) buffer: &'a [T],
    /// Where the first element lies in it.
    pub(in crate::op) offset: usize,
    /// The size of each axis.
    pub(in crate::op) shape: &'a [usize],
    /// The distance in the buffer from one element to the next along each axis.
    pub(in crate::op) strides: &'a [isize],
}

impl<T> Strided<'_, T> {
    /// Where the element at `position` in row-major order lies, and how many follow it along the last axis, itself
    /// included.
    fn locate(&self, mut position: usize) -> (usize, usize) {
        let mut place = self.offset;
        let mut run = 1;
        for (axis, (size, stride)) in self.shape.iter().zip(self.strides).enumerate().rev() {
            let index = position % size;
            position /= size;
            place = place.wrapping_add_signed(stride.wrapping_mul(index as isize));
            if axis + 1 == self.shape.len() {
                run = size - index;
            }
        }
        (place, run)
    }
}

impl<T: Stored> View<T> for Strided<'_, T> {
    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    fn stretch(&self, _start: usize, _length: usize) -> Option<&[T]> {
        None
    }

    fn load(&self, mut start: usize, mut into: &mut [T::Compute]) {
        let stride = self.strides.last().copied().unwrap_or(1);
        while !into.is_empty() {
            let (place, run) = self.locate(start);
            let (now, later) = into.split_at_mut(run.min(into.len()));
            if stride == 1 {
                T::load(&self.buffer[place..place + now.len()], now);
            } else {
                for (step, into) in now.iter_mut().enumerate() {
                    *into = self.buffer[place.wrapping_add_signed(stride.wrapping_mul(step as isize))].widen();
                }
            }
            start += now.len();
            into = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(view: &Strided<'_, f32>, start: usize, count: usize) -> Vec<f32> {
        let mut into = vec![f32::NAN; count];
        view.load(start, &mut into);
        into
    }

    #[test]
    fn elements_come_in_row_major_order_from_any_start() {
        let buffer: Vec<f32> = (0..24_u8).map(f32::from).collect();
        let view = |offset, shape, strides| Strided { buffer: &buffer, offset, shape, strides };
        // [4, 6] transposed; rows 1..3 and columns 2..5 of it; flipped along both axes; one row expanded.
        assert_eq!(read(&view(0, &[6, 4], &[1, 6]), 3, 5), [18.0, 1.0, 7.0, 13.0, 19.0]);
        assert_eq!(read(&view(8, &[2, 3], &[6, 1]), 0, 6), [8.0, 9.0, 10.0, 14.0, 15.0, 16.0]);
        assert_eq!(read(&view(23, &[4, 6], &[-6, -1]), 5, 3), [18.0, 17.0, 16.0]);
        assert_eq!(read(&view(2, &[2, 3], &[0, 1]), 1, 4), [3.0, 4.0, 2.0, 3.0]);
        assert_eq!(read(&view(7, &[], &[]), 0, 1), [7.0]);
    }
}
