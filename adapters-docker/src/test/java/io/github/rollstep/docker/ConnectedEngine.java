package io.github.rollstep.docker;

/** Connects as the docker command would, in a process with an environment of its own, and prints to where. */
final class ConnectedEngine {

    private ConnectedEngine() {}

    public static void main(String[] args) {
        try (DockerEngine engine = DockerEngine.connect()) {
            System.out.println(engine.host() + " " + engine.apiVersion());
        }
    }
}
