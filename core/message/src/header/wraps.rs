//! Header fields that share a shape: each is a type of its own, so that a value of one is never
//! taken for another, and reads like the shape it wraps.

/// Types that wrap a borrowed shape with `decode` and `encode` of its own; each is named like its
/// [`HeaderName`](crate::HeaderName).
macro_rules! wraps {
    ($shape:ident: $($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a>(pub $shape<'a>);

        impl<'a> $crate::header::Header<'a> for $name<'a> {
            const NAME: $crate::name::HeaderName = $crate::name::HeaderName::$name;

            #[inline]
            fn decode(value: &'a [u8]) -> Result<Self, $crate::error::HeaderError> {
                $shape::decode(value).map($name)
            }

            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }
        }

        impl<'a> std::ops::Deref for $name<'a> {
            type Target = $shape<'a>;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    )*};
}
pub(crate) use wraps;

/// The same around a plain number of seconds or hops: `$read` takes it from a scanner.
macro_rules! numbers {
    ($read:path: $($(#[$doc:meta])* $name:ident($(#[$field:meta])* $number:ty)),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name($(#[$field])* pub $number);

        impl<'a> $crate::header::Header<'a> for $name {
            const NAME: $crate::name::HeaderName = $crate::name::HeaderName::$name;

            #[inline]
            fn decode(value: &'a [u8]) -> Result<Self, $crate::error::HeaderError> {
                let mut scanner = $crate::scan::Scanner::new(value);
                scanner.skip_lws();
                let number = $read(&mut scanner)?;
                scanner.end()?;
                Ok($name(number))
            }

            fn encode(&self, out: &mut Vec<u8>) {
                out.extend(self.0.to_string().as_bytes());
            }
        }
    )*};
}
pub(crate) use numbers;
