package io.github.rollstep.local;

import io.github.rollstep.spi.ProviderException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** A process of its own that launches instances, says so, and lives until it is killed or its input ends. */
final class Controller implements AutoCloseable {

    private final Process process;
    private final String answer;

    private Controller(Process process, String answer) {
        this.process = process;
        this.answer = answer;
    }

    static Controller start(Path directory, int instances) throws IOException {
        Process process = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Controller.class.getName(),
                        directory.toString(),
                        Integer.toString(instances))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        BufferedReader answers =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        return new Controller(process, String.valueOf(answers.readLine()));
    }

    /** "launched", or why not. */
    String answer() {
        return answer;
    }

    long pid() {
        return process.pid();
    }

    void kill() {
        process.destroyForcibly().onExit().join();
    }

    @Override
    public void close() {
        kill();
    }

    public static void main(String[] args) throws IOException {
        try {
            LocalProcessProvider.builder(ProcessFleet.ID, Path.of(args[0]))
                    .command(List.of("sleep", "1000"))
                    .build()
                    .launch(ProcessFleet.requests(Integer.parseInt(args[1])));
            System.out.println("launched");
        } catch (ProviderException e) {
            System.out.println(e.getMessage());
        }
        System.in.read();
    }
}
