//! The constants of G.722: quantisers, logarithmic scales and the quadrature mirror filter.

/// What a band's adaptive scale moves by and within.
pub(super) struct Scale {
    /// The largest logarithm of the scale.
    pub(super) log_max: i32,
    /// By how much the antilogarithm is shifted down at logarithm 0.
    pub(super) shift: i32,
    /// The scale of a band that heard nothing yet.
    pub(super) start: i32,
}

pub(super) const LOW: Scale = Scale { log_max: 18_432, shift: 8, start: 32 };
pub(super) const HIGH: Scale = Scale { log_max: 22_528, shift: 10, start: 8 };

/// Antilogarithms of one octave.
pub(super) const OCTAVE: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// Decision levels of the lower band's 60-level quantiser, without the 0 they start from.
pub(super) const LOW_DECISIONS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219,
    1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];

/// The decision level of the upper band's 4-level quantiser.
pub(super) const HIGH_DECISION: i32 = 564;

/// What a code of 6 bits says of the lower band: what the listener hears.
pub(super) const LOW_VALUES_6_BIT: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
    -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
    7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
    -432, -136,
];

/// What its upper 4 bits say: what both predictors are fed with.
pub(super) const LOW_VALUES_4_BIT: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];

/// What a code of 2 bits says of the upper band.
pub(super) const HIGH_VALUES: [i32; 4] = [-7408, -1616, 7408, 1616];

/// By how much the lower band's scale moves, for each code of 4 bits.
pub(super) const LOW_STEPS: [i32; 16] =
    [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];

/// By how much the upper band's scale moves, for each code of 2 bits.
pub(super) const HIGH_STEPS: [i32; 4] = [798, -214, 798, -214];

/// Every second coefficient of the 24-tap mirror filter; the others are these, backwards.
pub(super) const MIRROR: [i16; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
