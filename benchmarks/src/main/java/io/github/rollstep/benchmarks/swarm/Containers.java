package io.github.rollstep.benchmarks.swarm;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The containers of a label, by the docker command. */
final class Containers {

    private Containers() {}

    static List<String> all(String label) throws IOException, InterruptedException {
        return Shell.docker("ps", "-aq", "--no-trunc", "--filter", "label=" + label)
                .lines()
                .toList();
    }

    /** Those that run, of these. */
    static long running(List<String> containers, String label) throws IOException, InterruptedException {
        return Shell.docker("ps", "-q", "--no-trunc", "--filter", "label=" + label)
                .lines()
                .filter(containers::contains)
                .count();
    }

    static void removeAll(String label) throws IOException, InterruptedException {
        List<String> all = all(label);
        if (!all.isEmpty()) {
            List<String> command = new ArrayList<>(List.of("rm", "-f"));
            command.addAll(all);
            Shell.docker(command.toArray(String[]::new));
        }
    }
}
