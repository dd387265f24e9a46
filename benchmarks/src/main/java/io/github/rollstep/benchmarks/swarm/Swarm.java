package io.github.rollstep.benchmarks.swarm;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** {@code docker service update} on a swarm of one. */
final class Swarm implements Contestant {

    private static final String SERVICE = "rollstep-bench";

    private final String name;
    private final List<String> rollback;
    private int updates;

    private Swarm(String name, List<String> rollback) {
        this.name = name;
        this.rollback = rollback;
    }

    /** Rolls back as Swarm does unless told otherwise: one by one, each watched for 5 s. */
    static Swarm byDefault() {
        return new Swarm("swarm", List.of());
    }

    /** Rolls back as it rolls forward. */
    static Swarm tuned() {
        return new Swarm(
                "swarm-tuned-rollback",
                List.of(
                        "--rollback-parallelism=" + PARALLELISM,
                        "--rollback-order=start-first",
                        "--rollback-monitor=1ns"));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String label() {
        return "com.docker.swarm.service.name=" + SERVICE;
    }

    @Override
    public void prepare() throws IOException, InterruptedException {
        List<String> create = new ArrayList<>(List.of(
                "service",
                "create",
                "--detach=true",
                "--no-resolve-image",
                "--name=" + SERVICE,
                "--replicas=" + COUNT,
                "--update-parallelism=" + PARALLELISM,
                "--update-order=start-first",
                "--update-delay=0s",
                "--update-monitor=1ns",
                "--update-failure-action=rollback",
                "--env=HEALTHY=true"));
        create.addAll(rollback);
        create.add(Images.CHECKED);
        Shell.docker(create.toArray(String[]::new));
        while (healthy() < COUNT) {
            TimeUnit.MILLISECONDS.sleep(100);
        }
        // It takes a moment until the manager believes what the engine says.
        while (!Shell.docker("service", "ls", "--format", "{{.Replicas}}").startsWith(COUNT + "/" + COUNT)) {
            TimeUnit.MILLISECONDS.sleep(100);
        }
    }

    private long healthy() throws IOException, InterruptedException {
        return Shell.docker("ps", "-q", "--filter", "label=" + label(), "--filter", "health=healthy")
                .lines()
                .count();
    }

    @Override
    public void roll() throws IOException, InterruptedException {
        update("true");
        String end = awaitEnd();
        if (!end.equals("completed")) {
            throw new IOException("swarm ended a good update as " + end);
        }
    }

    /** Under load Swarm has been seen to call what it rolled back {@code completed}: then its specification tells. */
    @Override
    public void rollBad() throws IOException, InterruptedException {
        update("false");
        String end = awaitEnd();
        if (!end.equals("rollback_completed") && !isRolledBack()) {
            throw new IOException("swarm ended a bad update as " + end);
        }
    }

    private boolean isRolledBack() throws IOException, InterruptedException {
        return Shell.docker("service", "inspect", "--format", "{{.Spec.TaskTemplate.ContainerSpec.Env}}", SERVICE)
                .contains("HEALTHY=true");
    }

    private void update(String healthy) throws IOException, InterruptedException {
        Shell.docker(
                "service",
                "update",
                "--detach=true",
                "--no-resolve-image",
                "--env-add",
                "HEALTHY=" + healthy,
                "--env-add",
                "UPDATE=" + ++updates,
                SERVICE);
    }

    private String awaitEnd() throws IOException, InterruptedException {
        String now = "";
        while (!now.endsWith("completed")) {
            TimeUnit.MILLISECONDS.sleep(50);
            now = Shell.docker(
                    "service", "inspect", "--format", "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}", SERVICE);
            if (now.endsWith("paused")) {
                throw new IOException("swarm paused the update");
            }
        }
        return now;
    }

    @Override
    public void clear() throws IOException, InterruptedException {
        Shell.docker("service", "rm", SERVICE);
        while (!Containers.all(label()).isEmpty()) {
            TimeUnit.MILLISECONDS.sleep(100);
        }
    }

    @Override
    public void close() {
        // The swarm is left by whoever began it.
    }

    /** A swarm of this engine alone, for as long as it is open. */
    static final class OfOne implements AutoCloseable {

        /** @throws IOException if the engine is part of a swarm already: its services are not ours to disturb */
        OfOne() throws IOException, InterruptedException {
            if (!Shell.docker("info", "--format", "{{.Swarm.LocalNodeState}}").equals("inactive")) {
                throw new IOException("the engine must not be in a swarm already: docker swarm leave");
            }
            Shell.docker("swarm", "init", "--advertise-addr", "127.0.0.1");
        }

        @Override
        public void close() throws IOException {
            try {
                Shell.docker("swarm", "leave", "--force");
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
