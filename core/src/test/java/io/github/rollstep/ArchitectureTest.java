package io.github.rollstep;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.time.Clock;
import java.time.InstantSource;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What keeps the packages apart. */
class ArchitectureTest {

    private static final String ROOT = "io.github.rollstep";
    private static final JavaClasses CORE = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages(ROOT);

    @Test
    void packagesHaveNoCycles() {
        slices().matching(ROOT + ".(*)..").should().beFreeOfCycles().check(CORE);
        noClasses()
                .that()
                .resideInAPackage(ROOT)
                .should()
                .dependOnClassesThat(resideInAPackage(ROOT + ".*.."))
                .check(CORE);
    }

    @Test
    void thePlannerKnowsNoClockLogThreadOrSpi() {
        ArchRule pure = classes()
                .that()
                .resideInAPackage(ROOT + ".plan")
                .should()
                .onlyDependOnClassesThat(resideInAnyPackage(
                        ROOT,
                        ROOT + ".plan",
                        "java.lang",
                        "java.time",
                        "java.util",
                        "java.util.function",
                        "java.util.stream",
                        "java.lang.runtime",
                        "java.lang.invoke",
                        "org.jspecify.annotations"));
        pure.check(CORE);
        noClasses()
                .that()
                .resideInAPackage(ROOT + ".plan")
                .should()
                .dependOnClassesThat()
                .belongToAnyOf(Clock.class, InstantSource.class, Random.class, Thread.class)
                .check(CORE);
    }

    @Test
    void aBreachIsSeen() {
        assertThatThrownBy(() -> noClasses()
                        .that()
                        .resideInAPackage(ROOT + ".run")
                        .should()
                        .dependOnClassesThat(resideInAPackage(ROOT + ".plan"))
                        .check(CORE))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void thePublicSurfaceStaysSmall() {
        long types = CORE.stream()
                .filter(type -> type.isTopLevelClass()
                        && type.getModifiers().contains(JavaModifier.PUBLIC)
                        && !type.getSimpleName().equals("package-info"))
                .count();

        assertThat(types).isBetween(35L, 70L);
    }
}
