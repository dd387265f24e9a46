/**
 * What the tests of Rollstep, of its adapters and of third-party adapters need: a {@link
 * io.github.rollstep.testkit.ManualClock hand-moved clock}, an in-memory {@link
 * io.github.rollstep.testkit.SimulatedFleet simulated fleet}, a {@link io.github.rollstep.testkit.InvariantMonitor monitor} that
 * reports each broken promise of a rollout, and for each SPI a contract, an abstract test that an adapter extends and passes.
 */
@NullMarked
package io.github.rollstep.testkit;

import org.jspecify.annotations.NullMarked;
