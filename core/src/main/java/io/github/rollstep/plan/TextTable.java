package io.github.rollstep.plan;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Rows of text with aligned columns; numbers, which begin with a digit, stand to the right. */
final class TextTable {

    private static final String GAP = "  ";

    private final List<List<String>> rows = new ArrayList<>();

    TextTable row(String... cells) {
        return row(Arrays.asList(cells));
    }

    TextTable row(List<String> cells) {
        rows.add(List.copyOf(cells));
        return this;
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < row.size(); column++) {
                String cell = row.get(column);
                String blank = " ".repeat(width(column) - cell.length());
                line.append(column == 0 ? "" : GAP).append(isRight(column) ? blank + cell : cell + blank);
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }

    private int width(int column) {
        return cells(column).mapToInt(String::length).max().orElse(0);
    }

    /** Of all rows but the heading. */
    private boolean isRight(int column) {
        return column > 0
                && cells(column)
                        .skip(1)
                        .allMatch(cell -> cell.isEmpty() || cell.equals("-") || Character.isDigit(cell.charAt(0)));
    }

    private Stream<String> cells(int column) {
        return rows.stream().filter(row -> column < row.size()).map(row -> row.get(column));
    }
}
