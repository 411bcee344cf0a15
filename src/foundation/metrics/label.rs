//! Labels with few values, known beforehand, and counters for each value. All counters exist from the start, so that the first
//! event of a kind is an increase and not a new series, and so that counting is one atomic addition.

use std::fmt::Debug;
use std::marker::PhantomData;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::names::Name;
use super::register::Register;

/// A label of a metric.
pub trait Label: Copy + Debug + 'static {
    const NAME: &'static str;
    /// Its values, in the order in which they are declared.
    const VALUES: &'static [&'static str];

    /// The position of this value in `VALUES`.
    fn place(self) -> usize;

    /// The value's text in the metrics.
    fn shown(self) -> &'static str {
        Self::VALUES.get(self.place()).copied().unwrap_or_default()
    }
}

/// Declares a label: an enum, with the text of each value.
macro_rules! label {
    ($(#[$about:meta])* $name:ident = $label:literal {
        $($(#[$about_value:meta])* $value:ident = $shown:literal,)+
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$about_value])* $value,)+
        }

        impl $crate::foundation::metrics::label::Label for $name {
            const NAME: &'static str = $label;
            const VALUES: &'static [&'static str] = &[$($shown,)+];

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}
pub(super) use label;

/// One counter for each value of a label.
#[derive(Debug)]
pub struct Counters<L> {
    counters: Vec<Counter>,
    label: PhantomData<L>,
}

impl<L: Label> Counters<L> {
    pub(super) fn new(register: &mut Register<'_>, name: &Name) -> Self {
        let family = Family::<[(&'static str, &'static str); 1], Counter>::default();
        let of_value = |value: &&'static str| family.get_or_create_owned(&[(L::NAME, *value)]);
        let counters = L::VALUES.iter().map(of_value).collect();
        register.counters(name, family);
        Self { counters, label: PhantomData }
    }

    pub fn count(&self, kind: L) {
        self.count_by(kind, 1);
    }

    pub fn count_by(&self, kind: L, count: usize) {
        // There is a counter for each value.
        if let Some(counter) = self.counters.get(kind.place()) {
            counter.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }
}
