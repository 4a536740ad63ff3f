//! Statistics of an uneven split: Wilson intervals, chi-square with its p-value, headroom of the largest bucket.

/// p-value below which a deviation is reported: one of a thousand even splits falls below.
pub const ALPHA: f64 = 0.001;

/// Wilson's 95 % interval of a share, from `share` observed in `n` independent draws.
pub fn wilson(share: f64, n: f64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let z2 = Z * Z / n;
    let centre = (share + z2 / 2.0) / (1.0 + z2);
    let half = Z / (1.0 + z2) * (share * (1.0 - share) / n + z2 / (4.0 * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// A chi-square test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquare {
    /// Value of the statistic.
    pub value: f64,
    /// Degrees of freedom.
    pub df: u32,
    /// Probability of at least this value under the expected shares.
    pub p: f64,
}

/// Compares observed shares with expected ones in `n` independent draws; `None` without a draw, or with fewer than two
/// shares.
pub fn chi_square(observed: &[f64], expected: &[f64], n: f64) -> Option<ChiSquare> {
    let pairs = observed.iter().zip(expected);
    let cells: Vec<(f64, f64)> = pairs.map(|(o, e)| (*o, *e)).filter(|(_, e)| *e > 0.0).collect();
    if cells.len() < 2 || n < 1.0 {
        return None;
    }
    let value = n * cells.iter().map(|(o, e)| (o - e) * (o - e) / e).sum::<f64>();
    let df = cells.len() as u32 - 1;
    Some(ChiSquare { value, df, p: upper_gamma(f64::from(df) / 2.0, value / 2.0) })
}

/// Regularized upper incomplete gamma function: by its series below `a + 1`, by its continued fraction above.
#[expect(clippy::many_single_char_names, reason = "the names of the formula")]
fn upper_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        for _ in 0..10_000 {
            n += 1.0;
            term *= x / n;
            sum += term;
            if term < sum * 1e-15 {
                break;
            }
        }
        return (1.0 - sum * scale).clamp(0.0, 1.0);
    }
    // Lentz's method.
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut h = d;
    for i in 1..10_000 {
        let i = f64::from(i);
        let an = -i * (i - a);
        b += 2.0;
        d = 1.0 / nonzero(an * d + b);
        c = nonzero(b + an / c);
        let delta = d * c;
        h *= delta;
        if (delta - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (scale * h).clamp(0.0, 1.0)
}

fn nonzero(x: f64) -> f64 {
    if x.abs() < 1e-300 { 1e-300 } else { x }
}

/// Logarithm of the gamma function (Lanczos, g = 7).
fn ln_gamma(x: f64) -> f64 {
    const C: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let mut sum = C[0];
    let mut at = x;
    for c in &C[1..] {
        at += 1.0;
        sum += c / at;
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// Usable fraction of the total capacity at which the largest bucket is full: each bucket has equal capacity, so with
/// `k` buckets the fraction is `1 / (k · largest share)`.
pub fn usable(shares: &[f64]) -> f64 {
    let largest = shares.iter().copied().fold(0.0, f64::max);
    let buckets = shares.iter().filter(|s| **s > 0.0).count();
    #[expect(clippy::cast_precision_loss, reason = "a few buckets")]
    if largest > 0.0 { 1.0 / (buckets as f64 * largest) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn known_values() {
        // From tables of the chi-square distribution.
        for (value, df, p) in [
            (3.841_458_820_694_124, 1, 0.05),
            (6.634_896_601_021_213, 1, 0.01),
            (16.918_977_604_620_45, 9, 0.05),
            (27.877_164_871_256_57, 9, 0.001),
            (124.342_113_404_004_1, 100, 0.05),
            (0.0, 5, 1.0),
        ] {
            let got = upper_gamma(f64::from(df) / 2.0, value / 2.0);
            assert!(near(got, p), "{value} {df}: {got}");
        }
        assert!(upper_gamma(4.5, 5000.0) < 1e-300);
        let (low, high) = wilson(0.1, 100.0);
        assert!(near(low, 0.055_229) && near(high, 0.174_366), "{low} {high}");
        let (low, high) = wilson(0.0, 10.0);
        assert!(near(low, 0.0) && near(high, 0.277_533), "{low} {high}");
    }

    #[test]
    fn a_fair_and_an_unfair_die() {
        let fair = [1.0 / 6.0; 6];
        let even = chi_square(&[0.17, 0.16, 0.165, 0.17, 0.165, 0.17], &fair, 600.0).unwrap();
        assert!(even.p > 0.9 && even.df == 5, "{even:?}");
        let loaded = chi_square(&[0.3, 0.14, 0.14, 0.14, 0.14, 0.14], &fair, 600.0).unwrap();
        assert!(loaded.p < ALPHA, "{loaded:?}");
        assert_eq!(chi_square(&[1.0], &[1.0], 10.0), None);
        assert!(near(usable(&[0.4, 0.2, 0.2, 0.2]), 0.625));
        assert!(near(usable(&[0.5, 0.5, 0.0]), 1.0));
    }
}
