// The exact error function; absolute error below 1.2e-7. WGSL has none. The built-in exp is accurate enough: its
// relative error is 1.1e-6 at -20 on the least accurate adapter measured, and less nearer to 0.
fn erf(x: VALUE) -> VALUE {
  let a = min(abs(x), VALUE(4.0));
  let z = a * a;
  // Up to 0.9375: x + x P(x²).
  var p = VALUE(-0.0005943142459727824) * z + VALUE(0.004984378814697266);
  p = p * z + VALUE(-0.02676110714673996);
  p = p * z + VALUE(0.11281681805849075);
  p = p * z + VALUE(-0.3761248290538788);
  p = p * z + VALUE(0.12837915122509003);
  let near = p * a + a;
  // Beyond: 1 - e^Q(x), Q a fit of log erfc; 1 in f32 from 4 on.
  var q = VALUE(-0.0012131152907386422) * a + VALUE(0.015279379673302174);
  q = q * a + VALUE(-0.09019902348518372);
  q = q * a + VALUE(-0.6521027684211731);
  q = q * a + VALUE(-1.1192173957824707);
  q = q * a + VALUE(-0.002152419649064541);
  let far = VALUE(1.0) - exp(q);
  let magnitude = select(far, near, a < VALUE(0.9375));
  return select(magnitude, -magnitude, x < VALUE(0.0));
}
