package io.github.rollstep.haproxy;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.haproxy.RuntimeApi.Incarnation;
import org.junit.jupiter.api.Test;

/** A restart is seen by the process id, or by the time of its start. */
class IncarnationTest {

    private final Incarnation before = new Incarnation(8, 1000);

    @Test
    void theSameProcessIsNoOther() {
        assertThat(new Incarnation(8, 1001).isOther(before)).isFalse();
        assertThat(new Incarnation(8, 998).isOther(before)).isFalse();
    }

    @Test
    void anotherIdIsAnotherProcess() {
        assertThat(new Incarnation(9, 1000).isOther(before)).isTrue();
    }

    @Test
    void inAContainerWhereTheIdIsTheSameTheStartTells() {
        assertThat(new Incarnation(8, 1010).isOther(before)).isTrue();
    }
}
