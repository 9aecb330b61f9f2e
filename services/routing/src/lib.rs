//! Where a request goes: dial plan and look-up order.
