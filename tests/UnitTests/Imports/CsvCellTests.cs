using Bsp.Application.Imports;

namespace Bsp.UnitTests.Imports;

public sealed class CsvCellTests
{
    [Theory]
    [InlineData("=1+1", "'=1+1")]
    [InlineData("+4915112345678", "'+4915112345678")]
    [InlineData("-5", "'-5")]
    [InlineData("@SUM(A1)", "'@SUM(A1)")]
    [InlineData("＝1+1", "'＝1+1")]
    [InlineData("＋1", "'＋1")]
    [InlineData("－1", "'－1")]
    [InlineData("＠SUM(A1)", "'＠SUM(A1)")]
    [InlineData("\tx", "'\tx")]
    [InlineData("'quoted", "''quoted")]
    [InlineData("'=x", "''=x")]
    [InlineData("plain", "plain")]
    [InlineData("o'neil", "o'neil")]
    [InlineData("", "")]
    public void What_a_spreadsheet_would_execute_is_made_text_and_read_back_as_it_was(string text, string cell)
    {
        CsvCell.Write(text).ShouldBe(cell);
        CsvCell.Read(cell).ShouldBe(text);
    }

    [Theory]
    [InlineData("'Twas")]
    [InlineData("'")]
    [InlineData("=1")]
    public void What_others_wrote_is_read_as_it_stands(string cell) => CsvCell.Read(cell).ShouldBe(cell);

    [Fact] public void A_cell_with_a_separator_is_quoted() =>
        CsvCell.Line(["a,b", "c\"d", "=e,f"]).ShouldBe("\"a,b\",\"c\"\"d\",\"'=e,f\"\r\n");
}
