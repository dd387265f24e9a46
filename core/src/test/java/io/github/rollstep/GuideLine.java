package io.github.rollstep;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Test;

/** The test of a line of docs/policies.md: builds what the line says, with the calls that it says, and asserts what it promises. */
@Test
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
public @interface GuideLine {

    /** The line as it stands in the guide; white space does not matter. */
    String value();
}
