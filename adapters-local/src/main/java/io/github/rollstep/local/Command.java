package io.github.rollstep.local;

import io.github.rollstep.spi.ProviderException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What is started for one instance: arguments and environment as the process gets them. */
record Command(List<String> arguments, Map<String, String> environment) {

    private static final Path SETSID = Path.of("/usr/bin/setsid");
    private static final File NOTHING = new File("/dev/null");

    /**
     * No such file, too many arguments, not a program, not permitted, a directory: asking again does not help. The JDK says so
     * in its message only: {@code error=7, ...} in 17, {@code error: 7 (...)} in 25.
     */
    private static final Pattern NEVER = Pattern.compile("error(=|: )(2|7|8|13|20|21)\\b");

    /**
     * Looks the program up: nothing is started yet.
     *
     * @throws ProviderException never retryable: there is no such program
     */
    ProcessBuilder prepare(Path work, Path log) {
        ProcessBuilder builder = new ProcessBuilder()
                .directory(work.toFile())
                .redirectInput(NOTHING)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        builder.environment().putAll(environment);
        List<String> line = new ArrayList<>();
        // A session of its own keeps the terminal's Ctrl-C and hang-up from it. setsid becomes the program: it forks
        // only as
        // the leader of a process group, which a child of ours is not, so that the process id stays.
        if (Files.isExecutable(SETSID)) {
            line.add(SETSID.toString());
        }
        line.add(program(builder.environment().getOrDefault("PATH", "")).toString());
        line.addAll(arguments.subList(1, arguments.size()));
        return builder.command(line);
    }

    /** @throws ProviderException if it was not started; retryable if that is for want of something, as of processes */
    static Process start(ProcessBuilder prepared) {
        try {
            return prepared.start();
        } catch (IOException e) {
            throw failure(e);
        }
    }

    static ProviderException failure(IOException e) {
        String message = "cannot start a process: " + e.getMessage();
        return NEVER.matcher(message).find()
                ? ProviderException.permanent(message, e)
                : ProviderException.retryable(message, e);
    }

    /** As the system would find it, but before anything is started: setsid would only exit. */
    private Path program(String path) {
        String name = arguments.get(0);
        if (!name.contains("/")) {
            return Stream.of(path.split(":"))
                    .filter(directory -> directory.startsWith("/"))
                    .map(directory -> Path.of(directory, name))
                    .filter(Command::isProgram)
                    .findFirst()
                    .orElseThrow(() -> ProviderException.permanent(
                            "cannot execute \"%s\": no such program in PATH, %s".formatted(name, path)));
        }
        Path file = Path.of(name);
        if (!file.isAbsolute()) {
            throw ProviderException.permanent(
                    "cannot execute \"%s\": command must begin with an absolute path or a name in PATH"
                            .formatted(name));
        }
        if (!isProgram(file)) {
            throw ProviderException.permanent("cannot execute \"%s\": %s"
                    .formatted(name, Files.exists(file) ? "not an executable file" : "no such file"));
        }
        return file;
    }

    private static boolean isProgram(Path file) {
        return Files.isRegularFile(file) && Files.isExecutable(file);
    }
}
