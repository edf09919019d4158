//! The backends that operations are tested on.

/// One test for each backend of the build, from functions that are generic over it.
macro_rules! on_backends {
    ($($test:ident),*) => {
        #[cfg(feature = "flex")]
        mod flex {
            $(#[test] fn $test() { super::$test::<burn::backend::Flex>(); })*
        }
        #[cfg(feature = "ndarray")]
        mod ndarray {
            $(#[test] fn $test() { super::$test::<burn::backend::NdArray>(); })*
        }
    };
}

pub(crate) use on_backends;
