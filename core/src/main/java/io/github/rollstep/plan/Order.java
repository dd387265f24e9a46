package io.github.rollstep.plan;

import io.github.rollstep.Instance;
import io.github.rollstep.ZoneOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Who leaves first. Nothing depends on the order of the list.
 *
 * <p>What costs nothing first: missing, dead, ill, not serving. Then what is outdated before what is only too many. Then, forward, what
 * an earlier rollout left half-rolled before what is known to be good; and of those by the order that the policy gives: by slot, or its
 * own comparator, or by zone, deletion cost and age, the oldest first. Back, the newest first.
 */
final class Order {

    private final Pass pass;

    private Order(Pass pass) {
        this.pass = pass;
    }

    static List<Member> sorted(Pass pass, List<Member> members) {
        Comparator<Member> order = new Order(pass).comparator();
        List<Member> sorted = new ArrayList<>(members);
        sorted.sort(order);
        if (pass.policy.zoneOrder() == ZoneOrder.SCATTERED && !pass.state.back()) {
            sorted.sort(scattered(sorted).thenComparing(order));
        }
        return sorted;
    }

    /** Who is kept on what it runs is the last of these: of ordinals it is the lowest, however it fares now. */
    static List<Member> sortedForPartition(Pass pass, List<Member> members) {
        if (!pass.policy.ordered()) {
            return sorted(pass, members);
        }
        List<Member> sorted = new ArrayList<>(members);
        sorted.sort(new Order(pass).choice().thenComparing(Member.ORDER));
        return sorted;
    }

    private Comparator<Member> comparator() {
        Comparator<Member> cost = Comparator.comparing((Member member) -> member.seen != null)
                .thenComparing(member -> !member.isDead())
                .thenComparing(member -> !member.isUseless(pass.platform.routed()))
                .thenComparing(Member::isServing)
                .thenComparing(pass.surplus::contains)
                .thenComparing(member ->
                        pass.state.baseline().filter(member.revision::equals).isPresent());
        return cost.thenComparing(pass.state.back() ? choice().reversed() : choice())
                .thenComparing(Member.ORDER);
    }

    private Comparator<Member> choice() {
        Comparator<Member> age = Comparator.comparing(Member::age);
        if (pass.policy.ordered()) {
            return Comparator.comparing(Order::ordinal, Comparator.reverseOrder())
                    .thenComparing(age);
        }
        if (pass.policy.order().isPresent()) {
            Comparator<Instance> given = pass.policy.order().get();
            return (a, b) -> a.seen == null || b.seen == null ? 0 : given.compare(a.seen.instance(), b.seen.instance());
        }
        Comparator<Member> cost = Comparator.comparing(this::deletionCost);
        Comparator<Member> zone = Comparator.comparing(member -> member.zone().orElse(""));
        return pass.policy.zoneOrder() == ZoneOrder.ONE_AFTER_ANOTHER && !pass.state.back()
                ? zone.thenComparing(cost).thenComparing(age)
                : cost.thenComparing(age);
    }

    /** Of those that serve, the zone that has most left comes first, so that all go down evenly. */
    private static Comparator<Member> scattered(List<Member> sorted) {
        Map<String, Integer> left = new HashMap<>();
        Map<Member, Integer> rank = new HashMap<>();
        for (int i = sorted.size() - 1; i >= 0; i--) {
            Member member = sorted.get(i);
            if (member.isServing()) {
                rank.put(member, left.merge(member.zone().orElse(""), 1, Integer::sum));
            }
        }
        return Comparator.comparing(Member::isServing)
                .thenComparing(member -> rank.getOrDefault(member, 0), Comparator.reverseOrder());
    }

    /** The number at the end of its slot; what has none comes last. */
    private static int ordinal(Member member) {
        String slot = member.seen == null ? "" : member.seen.instance().slot().orElse("");
        int digits = slot.length();
        while (digits > 0 && slot.length() - digits < 9 && Character.isDigit(slot.charAt(digits - 1))) {
            digits--;
        }
        return digits == slot.length() ? -1 : Integer.parseInt(slot.substring(digits));
    }

    /** A label that is no number counts as none. */
    private long deletionCost(Member member) {
        String label = pass.policy.deletionCostLabel();
        String cost = member.seen == null ? "" : member.seen.instance().labels().getOrDefault(label, "");
        return !cost.isEmpty() && cost.matches("-?[0-9]{1,18}") ? Long.parseLong(cost) : 0;
    }
}
