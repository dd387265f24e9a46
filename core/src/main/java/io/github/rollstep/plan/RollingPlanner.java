package io.github.rollstep.plan;

import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Reason.Code;
import io.github.rollstep.plan.RolloutState.Extremes;
import java.util.List;

/**
 * Decides what to do next. A pure and total function: the same snapshot, state and policy give the same plan, whatever the
 * order of the list; every action and every wait carries its reason. It plans anew from what is observed at every step and
 * keeps no list of what it meant to do.
 *
 * <p>The algorithm, in the order of {@link #plan}:
 *
 * <ol>
 *   <li>Bring what is remembered and what is seen together ({@code Roster}).
 *   <li>Judge: which instances have failed, whether the rollout has ({@code Judge}); say which shall stay ({@code Staying}); move to the
 *       next batch ({@code Batching}), or end.
 *   <li>Unless it is held or has ended: let in and launch what is missing ({@code Arrivals}, {@code Zones}), take out what is not
 *       wanted ({@code Departures}, {@code Order}).
 * </ol>
 *
 * <p>What it promises, while the platform keeps the bounds it states: launches never bring what exists above
 * {@link Limits#footprint}; drains and terminations never take what serves below {@link Limits#floor}; nothing that lives is
 * terminated while the router sends it new requests, and with open ones only when its drain deadline has passed; nothing is
 * admitted that is not healthy; while held, nothing is begun on a healthy instance; when all is on target, nothing is done.
 */
public final class RollingPlanner {

    private RollingPlanner() {}

    /** Makes the plan for this observation. Returns no action and the same state if the rollout has ended. */
    public static Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
        Pass pass = new Pass(snapshot, state, policy);
        if (state.phase().isFinal()) {
            return pass.plan();
        }
        boolean sighted = snapshot.blind().isEmpty();
        Judge judge = new Judge(pass);
        if (sighted) {
            Roster.update(pass);
            judge.judge();
            Staying.arrange(pass);
            judge.finish(() -> Staying.arrange(pass));
        } else {
            judge.judgeBlindly();
            pass.wait(Code.BLIND, snapshot.blind().get());
        }
        if (sighted && !pass.state.phase().isFinal()) {
            move(pass);
            Waits.explain(pass);
        }
        pass.sayIfIdle();
        int existing = pass.members.size();
        pass.edit(draft -> draft.extremes =
                new Extremes(Math.max(draft.extremes.peak(), existing), draft.extremes.fewestServing()));
        return pass.plan();
    }

    private static void move(Pass pass) {
        Arrivals arrivals = new Arrivals(pass);
        if (pass.state.phase().isHeld()) {
            pass.waits.add(
                    0,
                    Reason.of(
                            pass.state.phase() == RolloutPhase.PAUSED ? Code.PAUSED : Code.APPROVAL,
                            pass.state.phaseReason().text()));
            arrivals.admit();
            return;
        }
        Batching.begin(pass);
        Departures departures = new Departures(pass);
        arrivals.admit();
        Zones zones = new Zones(pass);
        int roomNeeded = arrivals.launch(zones);
        departures.goOn();
        departures.makeRoom(roomNeeded);
        List<String> down = zones.down();
        departures.choose(zones);
        zones.giveUp(down);
    }
}
