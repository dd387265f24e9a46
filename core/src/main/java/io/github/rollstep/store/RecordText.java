package io.github.rollstep.store;

import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;

/**
 * Records as text, for stores: a head with the version of the format, then one {@code key=value} a line, the same for every store.
 * This version and the one before are read; any other is refused. Nothing but a checksum tells whether a text was changed: that is
 * left to the store.
 */
public final class RecordText {

    static final int VERSION = 3;

    private static final int OLDEST = 2;
    private static final String STATE = "rollstep-state ";
    private static final String COMMAND = "rollstep-command ";

    private RecordText() {}

    public static String of(RolloutState state) {
        FieldWriter out = new FieldWriter();
        StateFormat.write(out, state);
        return STATE + VERSION + "\n" + out;
    }

    /** @throws IllegalArgumentException if it is no such text, of another version, or a field is missing, wrong or unknown */
    public static RolloutState toState(String text) {
        int version = version(STATE, text);
        FieldReader in = body(text);
        RolloutState state = StateFormat.read(in, version);
        in.requireNothingLeft();
        return state;
    }

    /** @throws IllegalArgumentException if it is {@link Command.Unknown} */
    public static String of(Command command) {
        FieldWriter out = new FieldWriter();
        StateFormat.write(out, command);
        return COMMAND + VERSION + "\n" + out;
    }

    /** {@link Command.Unknown} if it is no such text, of another version, or a field is missing, wrong or unknown. */
    public static Command toCommand(String text) {
        try {
            version(COMMAND, text);
            FieldReader in = body(text);
            Command command = StateFormat.command(in);
            in.requireNothingLeft();
            return command;
        } catch (IllegalArgumentException e) {
            return new Command.Unknown(String.valueOf(e.getMessage()));
        }
    }

    /** The version in the head of a text that begins so. */
    static int version(String kind, String text) {
        int head = text.indexOf('\n');
        if (head < 0 || !text.startsWith(kind)) {
            throw new IllegalArgumentException("it is not a record of Rollstep");
        }
        String format = text.substring(kind.length(), head);
        for (int version = OLDEST; version <= VERSION; version++) {
            if (format.equals(Integer.toString(version))) {
                return version;
            }
        }
        throw new IllegalArgumentException(
                "its format is %s, this version reads %d and %d".formatted(format, OLDEST, VERSION));
    }

    static FieldReader body(String text) {
        return FieldReader.of(text.substring(text.indexOf('\n') + 1));
    }
}
