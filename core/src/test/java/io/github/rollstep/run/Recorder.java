package io.github.rollstep.run;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Keeps the events as text. */
final class Recorder implements RolloutListener {

    final List<String> phases = new CopyOnWriteArrayList<>();
    final List<String> actions = new CopyOnWriteArrayList<>();
    final List<String> failedCalls = new CopyOnWriteArrayList<>();
    final List<String> failures = new CopyOnWriteArrayList<>();
    final List<String> left = new CopyOnWriteArrayList<>();
    final List<String> waits = new CopyOnWriteArrayList<>();

    @Override
    public void phaseChanged(RolloutEvent.PhaseChanged event) {
        phases.add(event.to().name());
    }

    @Override
    public void actionTaken(RolloutEvent.ActionTaken event) {
        actions.add(event.action().reason().text());
    }

    @Override
    public void callFailed(RolloutEvent.CallFailed event) {
        failedCalls.add(event.call() + ": " + event.error().getMessage());
    }

    @Override
    public void instanceFailed(RolloutEvent.InstanceFailed event) {
        failures.add(event.reason().text());
    }

    @Override
    public void left(RolloutEvent.Left event) {
        left.add(event.rollout() + ": " + event.why());
    }

    @Override
    public void waiting(RolloutEvent.Waiting event) {
        event.reasons().forEach(reason -> waits.add(reason.text()));
    }
}
