using Bsp.Domain.Common;
using Shouldly;
using Xunit;

namespace Bsp.UnitTests.Common;

public class TextTests
{
    private const string Family = "👨‍👩‍👧‍👦"; // 11 UTF-16 units, one character to people

    [Fact]
    public void A_cut_leaves_every_character_whole_or_leaves_it_out()
    {
        var text = string.Concat(Enumerable.Repeat(Family, 25));
        Text.Cut(text, 255).ShouldBe(string.Concat(Enumerable.Repeat(Family, 23)));
        Text.Cut("e\u0301e\u0301", 3).ShouldBe("e\u0301");
        Text.Cut("ab", 2).ShouldBe("ab");
        Text.Cut(null, 2).ShouldBeNull();
    }

    [Fact]
    public void A_character_longer_than_the_bound_goes_whole() => Text.Cut(Family + "a", 5).ShouldBe("");

    [Fact]
    public void What_no_store_takes_is_replaced()
    {
        Text.IsStorable("a\0").ShouldBeFalse();
        Text.IsStorable("a\ud83d").ShouldBeFalse();
        Text.IsStorable("\ude00a").ShouldBeFalse();
        Text.IsStorable("a😀").ShouldBeTrue();
        Text.Storable("a\0b\ud83d").ShouldBe("a\ufffdb\ufffd");
        Text.Cut("\ud83d", 10).ShouldBe("\ufffd");
    }

    [Fact]
    public void Any_cut_of_any_text_is_storable_and_within_its_bound()
    {
        var random = new Random(7);
        for (var turn = 0; turn < 2000; turn++)
        {
            var units = new string([.. Enumerable.Range(0, random.Next(40)).Select(_ => (char)random.Next(0xd700, 0xe100))]);
            var cut = Text.Cut(units, 12);
            cut.Length.ShouldBeLessThanOrEqualTo(12);
            Text.IsStorable(cut).ShouldBeTrue();
        }
    }
}
