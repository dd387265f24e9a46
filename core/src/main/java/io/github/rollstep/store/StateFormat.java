package io.github.rollstep.store;

import io.github.rollstep.FleetId;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.PastRollout;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.plan.Timings;
import io.github.rollstep.spi.Command;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A state as plain keys and values. No JSON library: none of them brings times, durations and optional values back without
 * adapters of its own, and a number that is missing becomes 0 without a word.
 */
final class StateFormat {

    private StateFormat() {}

    static void write(FieldWriter out, RolloutState state) {
        out.put("fleet", state.fleet()).put("rollout", state.rollout());
        write(out.in("target"), state.target());
        out.put("by", state.startedBy());
        state.baseline().ifPresent(baseline -> write(out.in("baseline"), baseline));
        out.put("restart", state.restart()).put("baselined", state.baseline().isPresent());
        write(out.in("limits"), state.limits());
        out.put("desired.planned", state.plannedDesired())
                .put("surveyed", state.surveyed())
                .put("back", state.back())
                .put("phase", state.phase())
                .put("phase.since", state.phaseSince())
                .put("phase.reason", state.phaseReason().code())
                .put("phase.text", state.phaseReason().text())
                .put("started", state.clocks().startedAt())
                .put("direction.since", state.clocks().directionSince())
                .put("progress.at", state.clocks().progressAt());
        state.clocks().progress().ifPresent(progress -> out.put("progress", progress));
        out.put("batch", state.batch().index())
                .put("batch.goal", state.batch().goal())
                .put("batch.whole", state.batch().wholeSince())
                .put("batch.released", state.batch().released())
                .put("failures", state.failures().count())
                .put("failures.forgiven", state.failures().forgiven())
                .put("failures.retried", state.failures().retried())
                .putAll("failures.retry", state.failures().retries(), (retry, attempt) -> retry.put("attempt", attempt))
                .put("failures.last", state.failures().lastAt())
                .put("peak", state.extremes().peak());
        state.extremes().fewestServing().ifPresent(fewest -> out.put("fewest", fewest));
        out.put("launches", state.launches()).putAll("instance", state.instances(), StateFormat::write);
        out.putAll("vacated", state.vacated(), StateFormat::write);
        out.putAll(
                "zone",
                state.zones().entrySet(),
                (zone, count) -> zone.put("name", count.getKey()).put("count", count.getValue()));
        out.putAll("gate", state.failingBefore(), (gate, name) -> gate.put("name", name));
        state.observed().ifPresent(observed -> write(out.in("observed"), observed));
        out.put("observes", state.observed().isPresent());
        state.history().timings().ifPresent(timings -> write(out.in("timings"), timings));
        out.put("timed", state.history().timings().isPresent());
        out.put("held", state.held());
        out.put("answers", state.answers().upTo())
                .putAll(
                        "answers.refused",
                        state.answers().refused().entrySet(),
                        (to, refusal) -> to.put("request", refusal.getKey()).put("reason", refusal.getValue()));
        state.history().verified().ifPresent(verified -> write(out.in("verified"), verified));
        out.put("verify", state.history().verified().isPresent())
                .putAll("failed", state.history().failed(), (failed, id) -> failed.put("id", id))
                .putAll("past", state.history().past(), StateFormat::write);
    }

    /** @param version of the format; what one before knew that is of no use any more is dropped */
    static RolloutState read(FieldReader in, int version) {
        boolean isCurrent = version == RecordText.VERSION;
        if (!isCurrent) {
            in.all("gone", gone -> gone.text("id") + gone.text("until"));
        }
        return new RolloutState(
                in.get("fleet", FleetId::of),
                in.get("rollout", RolloutId::of),
                revision(in.in("target")),
                isCurrent ? in.text("by") : "",
                in.flag("restart"),
                in.flag("baselined") ? Optional.of(revision(in.in("baseline"))) : Optional.empty(),
                limits(in.in("limits")),
                in.number("desired.planned"),
                in.flag("surveyed"),
                in.flag("back"),
                in.get("phase", RolloutPhase::valueOf),
                in.time("phase.since"),
                Reason.of(in.get("phase.reason", Reason.Code::valueOf), in.text("phase.text")),
                new RolloutState.Clocks(
                        in.time("started"), in.time("direction.since"), in.time("progress.at"), count(in, "progress")),
                new RolloutState.BatchPosition(
                        in.number("batch"),
                        in.number("batch.goal"),
                        in.findTime("batch.whole"),
                        in.flag("batch.released")),
                new RolloutState.FailureLedger(
                        in.number("failures"),
                        in.number("failures.forgiven"),
                        in.number("failures.retried"),
                        in.all("failures.retry", retry -> retry.number("attempt")),
                        in.findTime("failures.last")),
                new RolloutState.Extremes(in.number("peak"), count(in, "fewest")),
                in.number("launches"),
                in.all("instance", StateFormat::instance),
                in.all("vacated", StateFormat::place),
                map(in.all("zone", zone -> Map.entry(zone.text("name"), zone.number("count")))),
                new LinkedHashSet<>(in.all("gate", gate -> gate.text("name"))),
                in.flag("observes") ? Optional.of(timings(in.in("observed"))) : Optional.empty(),
                in.find("held", text -> text),
                isCurrent
                        ? new RolloutState.Answers(
                                in.get("answers", Long::parseLong),
                                map(in.all("answers.refused", StateFormat::refusal)))
                        : RolloutState.Answers.NONE,
                new RolloutState.History(
                        in.flag("verify") ? Optional.of(revision(in.in("verified"))) : Optional.empty(),
                        new LinkedHashSet<>(in.all("failed", failed -> failed.text("id"))),
                        in.flag("timed") ? Optional.of(timings(in.in("timings"))) : Optional.empty(),
                        isCurrent ? in.all("past", StateFormat::past) : List.of()));
    }

    private static OptionalInt count(FieldReader in, String key) {
        return in.find(key, Integer::parseInt).map(OptionalInt::of).orElseGet(OptionalInt::empty);
    }

    private static void write(FieldWriter out, PastRollout past) {
        out.put("rollout", past.rollout());
        past.from().ifPresent(from -> write(out.in("from"), from));
        out.put("known", past.from().isPresent());
        write(out.in("to"), past.to());
        out.put("restart", past.restart())
                .put("phase", past.phase())
                .put("reason", past.reason().code())
                .put("text", past.reason().text())
                .put("by", past.startedBy())
                .put("started", past.startedAt())
                .put("ended", past.endedAt())
                .put("launches", past.launches())
                .put("failures", past.failures())
                .put("peak", past.peak());
        past.fewestServing().ifPresent(fewest -> out.put("fewest", fewest));
        write(out.in("limits"), past.limits());
    }

    private static PastRollout past(FieldReader in) {
        return new PastRollout(
                in.get("rollout", RolloutId::of),
                in.flag("known") ? Optional.of(revision(in.in("from"))) : Optional.empty(),
                revision(in.in("to")),
                in.flag("restart"),
                in.get("phase", RolloutPhase::valueOf),
                Reason.of(in.get("reason", Reason.Code::valueOf), in.text("text")),
                in.text("by"),
                in.time("started"),
                in.time("ended"),
                limits(in.in("limits")),
                in.number("launches"),
                in.number("failures"),
                in.number("peak"),
                count(in, "fewest"));
    }

    private static Map.Entry<Long, String> refusal(FieldReader in) {
        return Map.entry(in.get("request", Long::parseLong), in.text("reason"));
    }

    static void write(FieldWriter out, Command command) {
        if (command instanceof Command.Start start) {
            out.put("command", "START");
            write(out.in("target"), start.target());
            out.put("restart", start.restart()).put("again", start.again());
        } else if (command instanceof Command.RollBack rollBack) {
            out.put("command", "ROLL_BACK").put("reason", rollBack.reason());
        } else if (command instanceof Command.Resize resize) {
            out.put("command", "RESIZE").put("desired", resize.desired());
        } else if (command instanceof Command.Pause) {
            out.put("command", "PAUSE");
        } else if (command instanceof Command.Resume) {
            out.put("command", "RESUME");
        } else if (command instanceof Command.Approve) {
            out.put("command", "APPROVE");
        } else if (command instanceof Command.Abort) {
            out.put("command", "ABORT");
        } else {
            throw new IllegalArgumentException("command must be known, was " + command);
        }
        out.put("rollout", command.rollout());
    }

    static Command command(FieldReader in) {
        String kind = in.text("command");
        Optional<RolloutId> rollout = in.find("rollout", RolloutId::of);
        return switch (kind) {
            case "START" -> new Command.Start(revision(in.in("target")), in.flag("restart"), in.flag("again"));
            case "ROLL_BACK" -> new Command.RollBack(in.text("reason"), rollout);
            case "RESIZE" -> new Command.Resize(in.number("desired"), rollout);
            case "PAUSE" -> new Command.Pause(rollout);
            case "RESUME" -> new Command.Resume(rollout);
            case "APPROVE" -> new Command.Approve(rollout);
            case "ABORT" -> new Command.Abort(rollout);
            default -> throw new IllegalArgumentException("command is not known, was \"" + kind + "\"");
        };
    }

    private static void write(FieldWriter out, Revision revision) {
        out.put("id", revision.id())
                .putAll(
                        "attribute",
                        new TreeMap<>(revision.attributes()).entrySet(),
                        (to, entry) -> to.put("key", entry.getKey()).put("value", entry.getValue()));
    }

    private static Revision revision(FieldReader in) {
        return Revision.of(
                in.text("id"), map(in.all("attribute", entry -> Map.entry(entry.text("key"), entry.text("value")))));
    }

    private static void write(FieldWriter out, Timings timings) {
        out.put("start.least", timings.startAtLeast())
                .put("start.most", timings.startAtMost())
                .put("admit", timings.admit())
                .put("drain", timings.drain())
                .put("stop", timings.stop());
    }

    private static Timings timings(FieldReader in) {
        return new Timings(
                in.get("start.least", Duration::parse),
                in.get("start.most", Duration::parse),
                in.get("admit", Duration::parse),
                in.get("drain", Duration::parse),
                in.get("stop", Duration::parse));
    }

    private static void write(FieldWriter out, Place place) {
        out.put("of", place.predecessor())
                .put("slot", place.slot())
                .put("zone", place.zone())
                .putAll(
                        "label",
                        new TreeMap<>(place.labels()).entrySet(),
                        (to, entry) -> to.put("key", entry.getKey()).put("value", entry.getValue()));
    }

    private static Place place(FieldReader in) {
        return new Place(
                in.find("of", InstanceId::of),
                in.find("slot"),
                in.find("zone"),
                map(in.all("label", entry -> Map.entry(entry.text("key"), entry.text("value")))));
    }

    private static <K, V> Map<K, V> map(List<Map.Entry<K, V>> entries) {
        return entries.stream().collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    }

    private static void write(FieldWriter out, Limits limits) {
        out.put("desired", limits.desired())
                .put("footprint", limits.footprint())
                .put("footprint.rule", limits.footprintRule())
                .put("floor", limits.floor())
                .put("kept", limits.kept())
                .put("failed", limits.maxFailedInstances());
    }

    private static Limits limits(FieldReader in) {
        return new Limits(
                in.number("desired"),
                in.number("footprint"),
                in.text("footprint.rule"),
                in.number("floor"),
                in.number("kept"),
                in.number("failed"));
    }

    private static void write(FieldWriter out, InstanceRecord instance) {
        out.put("token", instance.token()).put("id", instance.id());
        write(out.in("revision"), instance.revision());
        write(out.in("place"), instance.place());
        out.put("attempt", instance.attempt())
                .put("early", instance.early())
                .put("since", instance.since())
                .put("intent", instance.intent())
                .put("intent.since", instance.intentSince())
                .put("sent", instance.sentAt())
                .put("ready", instance.readySince())
                .put("sick", instance.sickSince())
                .put("served", instance.served())
                .put("restarts", instance.restarts())
                .put("failed", instance.failed())
                .put("admit", instance.admitSentAt())
                .put("admits", instance.admits())
                .put("drain", instance.drainSentAt())
                .put("drains", instance.drains())
                .put("absent", instance.absentSince())
                .put("absent.last", instance.absentAt());
    }

    private static InstanceRecord instance(FieldReader in) {
        return new InstanceRecord(
                in.find("token", LaunchToken::of),
                in.find("id", InstanceId::of),
                revision(in.in("revision")),
                place(in.in("place")),
                in.number("attempt"),
                in.flag("early"),
                in.time("since"),
                in.get("intent", InstanceRecord.Intent::valueOf),
                in.time("intent.since"),
                in.findTime("sent"),
                in.findTime("ready"),
                in.findTime("sick"),
                in.flag("served"),
                in.number("restarts"),
                in.flag("failed"),
                in.findTime("admit"),
                in.number("admits"),
                in.findTime("drain"),
                in.number("drains"),
                in.findTime("absent"),
                in.findTime("absent.last"));
    }
}
