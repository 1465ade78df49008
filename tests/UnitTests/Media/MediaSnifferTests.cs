using System.Text;
using Bsp.Application.Media;

namespace Bsp.UnitTests.Media;

public sealed class MediaSnifferTests
{
    [Theory]
    [InlineData("FFD8FFE000104A464946", "image/jpeg")]
    [InlineData("89504E470D0A1A0A0000", "image/png")]
    [InlineData("524946460000000057454250", "image/webp")]
    [InlineData("255044462D312E37", "application/pdf")]
    [InlineData("000000186674797069736F6D", "video/mp4")]
    [InlineData("0000001866747970336770350000", "video/3gpp")]
    [InlineData("00000018667479704D344120", "audio/mp4")]
    [InlineData("494433040000", "audio/mpeg")]
    [InlineData("FFFB9064", "audio/mpeg")]
    [InlineData("FFF15080", "audio/aac")]
    [InlineData("2321414D520A", "audio/amr")]
    [InlineData("4F6767530002000000000000000000000000000000000000000001134F70757348656164", "audio/ogg")]
    [InlineData("504B0304", MediaSniffer.Zip)]
    [InlineData("D0CF11E0A1B11AE1", MediaSniffer.Ole)]
    [InlineData("4D5A9000030000", null)]
    [InlineData("7F454C460201", null)]
    [InlineData("0001020304", null)]
    [InlineData("C328A0", null)]
    [InlineData("", null)]
    public void A_file_is_known_by_its_first_bytes(string hex, string? type) =>
        MediaSniffer.Type(Convert.FromHexString(hex)).ShouldBe(type);

    [Fact]
    public void A_text_that_is_cut_in_the_middle_of_a_character_is_a_text() =>
        MediaSniffer.Type(Encoding.UTF8.GetBytes(new string('ä', 4_000)).AsSpan(0, MediaSniffer.BytesLooked - 1)
            .ToArray().Append((byte)0xC3).ToArray()).ShouldBe("text/plain");

    [Theory]
    [InlineData("image/png", "image/png", "image/png")]
    [InlineData(null, "image/png", "image/png")]
    [InlineData("image/jpeg", "image/png", null)]
    [InlineData("image/png", "text/plain", null)]
    [InlineData("application/pdf", "application/zip", null)]
    [InlineData("application/vnd.openxmlformats-officedocument.wordprocessingml.document", MediaSniffer.Zip,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document")]
    [InlineData(null, MediaSniffer.Zip, null)]
    [InlineData("audio/mp4", "video/mp4", "audio/mp4")]
    [InlineData("video/mp4", "audio/mp4", null)]
    public void What_its_sender_says_and_what_it_is_must_agree(string? declared, string? found, string? agreed) =>
        MediaSniffer.Agreed(declared, found).ShouldBe(agreed);

    [Theory]
    [InlineData("../../etc/passwd", "passwd")]
    [InlineData("C:\\temp\\bill.pdf", "bill.pdf")]
    [InlineData("a\r\nSet-Cookie: x.png", "aSet-Cookie x.png")]
    [InlineData("...", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void A_name_is_the_last_part_of_a_path_and_harmless(string? given, string? kept) => MediaRules.NameOf(given).ShouldBe(kept);

    [Theory]
    [InlineData("image/png", "image/png")]
    [InlineData("text/plain", "application/octet-stream")]
    [InlineData("text/html", "application/octet-stream")]
    [InlineData("image/svg+xml", "application/octet-stream")]
    [InlineData("application/pdf", "application/pdf")]
    public void Nothing_that_could_run_is_served_as_what_it_is(string type, string served) =>
        MediaRules.ServedType(type).ShouldBe(served);
}
