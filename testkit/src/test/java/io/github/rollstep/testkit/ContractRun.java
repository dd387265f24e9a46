package io.github.rollstep.testkit;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Runs the rules of a contract by hand, so that a test can say which of them are to fail: none may be skipped. */
final class ContractRun {

    private ContractRun() {}

    static Set<String> rules(Class<?> contract) {
        return Arrays.stream(contract.getDeclaredMethods())
                .filter(method -> method.isAnnotationPresent(Test.class))
                .map(Method::getName)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** The rules that fail, each on a new adapter. */
    static Set<String> failing(Class<?> contract, Supplier<?> adapterTest) {
        return rules(contract).stream()
                .filter(rule -> fails(contract, rule, adapterTest))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static boolean fails(Class<?> contract, String rule, Supplier<?> adapterTest) {
        try {
            Method method = contract.getDeclaredMethod(rule);
            method.setAccessible(true);
            method.invoke(adapterTest.get());
            return false;
        } catch (InvocationTargetException e) {
            // A rule that is skipped was not seen to hold either.
            return true;
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}
