package io.github.rollstep;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.run.Rollout;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** docs/policies.md and its tests say the same: each line has a test, and each test makes the very calls of its line. */
class PoliciesGuideTest {

    private static final Path GUIDE = Path.of("..", "docs", "policies.md");
    private static final List<String> TESTS =
            List.of("io.github.rollstep.plan.GuidePoliciesTest", "io.github.rollstep.run.GuideCommandsTest");
    private static final Pattern CODE = Pattern.compile("`([^`]+)`");
    private static final Pattern EXAMPLE = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final String NEXT_TEST = "\n    @GuideLine(";

    @Test
    void eachLineOfTheGuideHasItsTestAndEachTestItsLine() {
        List<String> lines = lines();

        assertThat(lines).hasSizeBetween(35, 50).doesNotHaveDuplicates();
        assertThat(TESTS.stream().flatMap(PoliciesGuideTest::tested)).containsExactlyInAnyOrderElementsOf(lines);
    }

    @Test
    void eachTestMakesTheCallsOfItsLine() {
        List<String> bodies =
                TESTS.stream().flatMap(test -> bodies(source(test)).stream()).toList();

        assertThat(bodies).hasSameSizeAs(lines());
        for (String body : bodies) {
            int end = body.indexOf("\"\"\")");
            String line = body.substring(0, end);
            String code = dense(body.substring(end));
            CODE.matcher(line.substring(line.indexOf(" | ")))
                    .results()
                    .forEach(call ->
                            assertThat(code).as("the test of %s", line.strip()).contains(dense(call.group(1))));
        }
    }

    @Test
    void theExampleIsTested() {
        String source = dense(source(TESTS.get(0)));

        assertThat(EXAMPLE.matcher(read(GUIDE)).results())
                .hasSize(1)
                .allSatisfy(example -> assertThat(source)
                        .contains(dense(example.group(1).replaceAll("//.*", "").replace(";", ""))));
    }

    @Test
    void theGuideNamesEverySettingAndEveryCommand() {
        List<String> tables = lines();
        Stream<String> settings = Arrays.stream(RolloutPolicy.Builder.class.getDeclaredMethods())
                .filter(method -> Modifier.isPublic(method.getModifiers()))
                .filter(method -> method.getReturnType() == RolloutPolicy.Builder.class)
                .map(Method::getName);
        Stream<String> commands = Arrays.stream(Rollout.class.getDeclaredMethods())
                .filter(method -> method.getReturnType() == void.class)
                .map(method -> "rollout." + method.getName());

        assertThat(Stream.concat(settings, commands).distinct())
                .hasSizeGreaterThan(35)
                .allSatisfy(call ->
                        assertThat(tables).as("lines with %s", call).anyMatch(line -> line.contains(call + "(")));
    }

    /** The rows of all tables, without their headings. */
    private static List<String> lines() {
        List<String> rows = new ArrayList<>();
        boolean inTable = false;
        for (String line : read(GUIDE).lines().toList()) {
            if (inTable && line.startsWith("| ")) {
                rows.add(plain(line));
            }
            inTable = line.startsWith("|---") || (inTable && line.startsWith("|"));
        }
        return rows;
    }

    private static Stream<String> tested(String test) {
        try {
            return Arrays.stream(Class.forName(test).getDeclaredMethods())
                    .filter(method -> method.isAnnotationPresent(GuideLine.class))
                    .map(method -> plain(method.getAnnotation(GuideLine.class).value()));
        } catch (ClassNotFoundException e) {
            throw new AssertionError(e);
        }
    }

    /** From each line to the next one. */
    private static List<String> bodies(String source) {
        List<String> bodies = List.of(source.split(Pattern.quote(NEXT_TEST)));
        return bodies.subList(1, bodies.size());
    }

    private static String source(String test) {
        return read(Path.of("src", "test", "java", test.replace('.', '/') + ".java"));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String plain(String text) {
        return text.strip().replaceAll("\\s+", " ");
    }

    private static String dense(String text) {
        return text.replaceAll("\\s+", "");
    }
}
