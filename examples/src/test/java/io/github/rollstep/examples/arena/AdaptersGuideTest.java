package io.github.rollstep.examples.arena;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.testkit.ExchangeContract;
import io.github.rollstep.testkit.HealthCheckerContract;
import io.github.rollstep.testkit.InstanceProviderContract;
import io.github.rollstep.testkit.RevisionAffinityContract;
import io.github.rollstep.testkit.RolloutStoreContract;
import io.github.rollstep.testkit.TrafficRouterContract;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** docs/adapters.md shows the code that is compiled and tested here, and names every rule of the contracts and no other. */
class AdaptersGuideTest {

    private static final String GUIDE = read(Path.of("..", "docs", "adapters.md"));
    private static final Path HERE = Path.of("java", "io", "github", "rollstep", "examples", "arena");
    private static final List<Class<?>> CONTRACTS = List.of(
            InstanceProviderContract.class,
            TrafficRouterContract.class,
            RevisionAffinityContract.class,
            HealthCheckerContract.class,
            RolloutStoreContract.class,
            ExchangeContract.class);

    @Test
    void showsTheWholeCodeAndNoOther() {
        String shown = all("```java\n(.*?)```", GUIDE).collect(Collectors.joining());

        // In the order of the walk: the test comes first, its half for the router last.
        String test = withoutImports(Path.of("src", "test").resolve(HERE).resolve("ArenaContractTest.java"));
        int router = test.indexOf("    @Nested\n    class Router");
        assertThat(dense(shown))
                .isEqualTo(dense(test.substring(0, router)
                        + withoutImports(Path.of("src", "main").resolve(HERE).resolve("ArenaProvider.java"))
                        + withoutImports(Path.of("src", "main").resolve(HERE).resolve("ArenaRouter.java"))
                        + test.substring(router)));
    }

    @Test
    void itsTablesNameEveryRuleOfEachContractAndNoOther() {
        for (Class<?> contract : CONTRACTS) {
            String section = GUIDE.substring(GUIDE.indexOf("### " + contract.getSimpleName() + "\n") + 4);
            int next = section.indexOf("\n### ");
            Stream<String> named =
                    all("(?m)^\\| [^|`]+ \\| `(\\w+)` \\| [^|]+ \\|$", next < 0 ? section : section.substring(0, next));

            assertThat(named)
                    .as(contract.getSimpleName())
                    .containsExactlyInAnyOrderElementsOf(rules(contract).toList());
        }
    }

    @Test
    void countsTheRules() {
        assertThat(GUIDE)
                .contains("\n%d rules. "
                        .formatted(CONTRACTS.stream()
                                .flatMap(AdaptersGuideTest::rules)
                                .count()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"README.md", "testkit/src/main/java/io/github/rollstep/testkit/InstanceProviderContract.java"})
    void isLinked(String from) {
        assertThat(read(Path.of("..").resolve(from))).contains("docs/adapters.md");
    }

    private static Stream<String> rules(Class<?> contract) {
        return Arrays.stream(contract.getDeclaredMethods())
                .filter(method -> method.isAnnotationPresent(Test.class))
                .map(method -> method.getName());
    }

    private static Stream<String> all(String pattern, String text) {
        return Pattern.compile(pattern, Pattern.DOTALL)
                .matcher(text)
                .results()
                .map((MatchResult found) -> found.group(1));
    }

    private static String withoutImports(Path source) {
        return read(source).replaceAll("(?m)^(package|import) .*;$", "");
    }

    private static String dense(String text) {
        return text.replaceAll("\\s+", "");
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
