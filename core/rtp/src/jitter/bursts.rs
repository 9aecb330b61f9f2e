//! Whether what is missing comes in bursts (RFC 3611 §4.7.2): a burst begins and ends with a missing packet, and
//! within it never so many in a row are there as make a gap.

/// So many packets in a row that are there end a burst.
const GAP_MIN: u64 = 16;

/// Bursts, and the gaps between them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bursts {
    packets: u64,
    lost: u64,
    since_loss: u64,
    /// From the first to the last missing packet of what may be a burst.
    run_packets: u64,
    run_lost: u64,
    bursts: u64,
    burst_packets: u64,
    burst_lost: u64,
}

/// Densities and mean lengths of bursts and gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BurstFigures {
    /// Which part of the packets of bursts is missing.
    pub burst_density: f32,
    /// The same of gaps.
    pub gap_density: f32,
    /// How long bursts are, in packets.
    pub burst_packets: f32,
    /// How long gaps are, in packets.
    pub gap_packets: f32,
}

impl Bursts {
    pub(super) fn played(&mut self) {
        self.packets += 1;
        self.since_loss += 1;
    }

    pub(super) fn missed(&mut self, packets: u64) {
        if packets == 0 {
            return;
        }
        match self.since_loss {
            since if since < GAP_MIN && self.run_lost > 0 => self.run_packets += since,
            _ => self.end_run(),
        }
        self.run_packets += packets;
        self.run_lost += packets;
        self.packets += packets;
        self.lost += packets;
        self.since_loss = 0;
    }

    /// One packet alone is no burst.
    fn end_run(&mut self) {
        if self.run_lost > 1 {
            self.bursts += 1;
            self.burst_packets += self.run_packets;
            self.burst_lost += self.run_lost;
        }
        (self.run_packets, self.run_lost) = (0, 0);
    }

    // rfc3611 §4.7.2
    pub(super) fn figures(mut self) -> BurstFigures {
        self.end_run();
        let part = |part: u64, all: u64| if all == 0 { 0.0 } else { part as f32 / all as f32 };
        let gap_packets = self.packets - self.burst_packets;
        BurstFigures {
            burst_density: part(self.burst_lost, self.burst_packets),
            gap_density: part(self.lost - self.burst_lost, gap_packets),
            burst_packets: part(self.burst_packets, self.bursts),
            gap_packets: part(gap_packets, self.bursts + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `x` is missing, `.` is there.
    fn figures(packets: &str) -> BurstFigures {
        let mut bursts = Bursts::default();
        for packet in packets.chars() {
            match packet {
                'x' => bursts.missed(1),
                _ => bursts.played(),
            }
        }
        bursts.figures()
    }

    #[test]
    fn one_packet_alone_is_no_burst() {
        // tests rfc3611 §4.7.2
        let long = ".".repeat(19);
        let figures = figures(&format!("{long}x{long}x{long}x{long}x"));
        assert_eq!((figures.burst_density, figures.burst_packets), (0.0, 0.0));
        assert_eq!((figures.gap_density, figures.gap_packets), (4.0 / 80.0, 80.0));
    }

    #[test]
    fn a_burst_ends_where_sixteen_are_there() {
        // tests rfc3611 §4.7.2
        let (gap, less) = (".".repeat(16), ".".repeat(15));
        let figures = figures(&format!("{gap}xx{less}x{gap}x{gap}xxx{gap}"));
        assert_eq!(figures.burst_density, 6.0 / 21.0, "18 packets with 3, and 3 with 3");
        assert_eq!(figures.burst_packets, 10.5);
        assert_eq!(figures.gap_density, 1.0 / 65.0);
        assert_eq!(figures.gap_packets, 65.0 / 3.0);
    }

    #[test]
    fn nothing_is_no_burst() {
        assert_eq!(figures(""), BurstFigures::default());
        assert_eq!(figures("....").gap_packets, 4.0);
    }
}
