package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.Revision;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GroupSettingsTest {

    private static final LaunchTemplates.Version VERSION = new LaunchTemplates.Version("lt-0123abcd", "7");

    @Test
    void whatNoTemplateLaunchesLeavesTheGroupWithTheVersionItHad() {
        GroupSettings settings = new GroupSettings(1, 3, 4, VERSION, List.of());

        assertThat(settings.launching(Revision.of("unknown"))).isEqualTo(VERSION);
        assertThat(settings.launching(LaunchTemplates.revision("lt-0123abcd", 8)))
                .isEqualTo(new LaunchTemplates.Version("lt-0123abcd", "8"));
    }

    @Test
    void theTextSaysAllOfThem() {
        GroupSettings settings = new GroupSettings(1, 3, 4, VERSION, List.of("AZRebalance", "ScheduledActions"));

        assertThat(settings.text())
                .isEqualTo("min=1 desired=3 max=4 version=lt-0123abcd/7 suspended=AZRebalance,ScheduledActions");
        assertThat(GroupSettings.parse(settings.text())).isEqualTo(settings);
    }

    @Test
    void nothingMayHaveBeenSuspended() {
        GroupSettings settings = new GroupSettings(0, 9_000, 10_000, VERSION, List.of());

        assertThat(GroupSettings.parse(settings.text())).isEqualTo(settings);
    }

    @Test
    void allThatDisturbsCanBeSuspended() {
        GroupSettings settings = new GroupSettings(2, 2, 3, VERSION, GroupSettings.DISTURBING);

        assertThat(GroupSettings.parse(settings.text())).isEqualTo(settings);
        assertThat(GroupSettings.DISTURBING).doesNotContainAnyElementsOf(GroupSettings.NEEDED);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "garbage",
                "min=1 desired=1 max=2",
                "min=1 desired=1 max=2 suspended=",
                "min=1 desired=1 max=2 version=$Latest suspended=",
                "min=1 desired=1 max=2 version=lt-0123abcd suspended=",
                "desired=1 max=2 version=lt-0123abcd/7 suspended=",
                "min= desired=1 max=2 version=lt-0123abcd/7 suspended=",
                "min=one desired=1 max=2 version=lt-0123abcd/7 suspended=",
                "min=1 desired=1 max=99999999999 version=lt-0123abcd/7 suspended=",
                "min=1 min=2 desired=2 max=3 version=lt-0123abcd/7 suspended="
            })
    void garbageIsRefused(String text) {
        assertThatThrownBy(() -> GroupSettings.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("these are no settings of an Auto Scaling group: " + text);
    }
}
