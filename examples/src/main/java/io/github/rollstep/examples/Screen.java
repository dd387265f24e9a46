package io.github.rollstep.examples;

import io.github.rollstep.plan.FleetCounts;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RolloutEvent;
import io.github.rollstep.run.RolloutListener;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows a rollout as a bar: how many serve the goal, what the others do, and what is waited for. */
public final class Screen implements RolloutListener, AutoCloseable {

    private static final int REDRAW_MILLIS = 100;
    private static final int COLUMNS_OF_A_FILE = 160;

    private final ProgressBar bar;

    public Screen(String title, int desired) {
        ProgressBarBuilder builder = new ProgressBarBuilder();
        if (System.console() == null) {
            builder.setMaxRenderedLength(COLUMNS_OF_A_FILE);
        }
        bar = builder.setTaskName(title)
                .setInitialMax(desired)
                .setStyle(ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(REDRAW_MILLIS)
                .hideEta()
                .continuousUpdate()
                .build();
    }

    @Override
    public void phaseChanged(RolloutEvent.PhaseChanged event) {
        if (event.from().isPresent() && !event.to().isFinal()) {
            System.err.printf("%n%s: %s%n", event.to(), event.reason());
        }
    }

    @Override
    public void progressed(Progress progress) {
        FleetCounts counts = progress.counts();
        String why = progress.waits().stream().findFirst().map(Reason::text).orElse("");
        bar.stepTo(counts.updated());
        bar.setExtraMessage(" old %d, starting %d, serving %d, draining %d | %s"
                .formatted(
                        counts.outdated(),
                        counts.starting(),
                        counts.serving(),
                        counts.draining() + counts.stopping(),
                        why));
    }

    @Override
    public void close() {
        bar.close();
    }
}
