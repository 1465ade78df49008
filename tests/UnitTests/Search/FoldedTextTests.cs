using System.Security.Cryptography;
using Bsp.Infrastructure.Search;

namespace Bsp.UnitTests.Search;

/// <summary>What is found by what, without ICU.</summary>
public sealed class FoldedTextTests
{
    private static readonly byte[] Key = SHA256.HashData("one organization"u8);

    [Theory]
    [InlineData("Où est ma commande ORD-123456 ?", "ord-123456")]
    [InlineData("Où est ma commande ORD-123456 ?", "123456")]
    [InlineData("Où est ma commande ORD-123456 ?", "ou COMMANDE")]
    [InlineData("Où est ma commande ORD-123456 ?", "mand")]
    [InlineData("caf\u00e9 cre\u0301me", "cafe cr\u00e9me")] // composed and not
    [InlineData("STRASSE", "straße")]
    [InlineData("Ｆｕｌｌ　Ｗｉｄｔｈ　９９", "full width 99")]
    [InlineData("o\uFB03ce \uFB01le", "office file")]
    [InlineData("İstanbul ılık", "istanbul ilik")]
    [InlineData("أَهْلًا وَسَهْلًا", "اهلا وسهلا")]
    [InlineData("مـــرحبا", "مرحبا")]
    [InlineData("إلى المكتبة", "الي المكتبه")]
    [InlineData("\uFEE3\uFEAE\uFEA3\uFE92\uFE8E", "مرحبا")] // presentation forms
    [InlineData("طلب رقم ١٢٣٤٥", "12345")]
    [InlineData("ऑर्डर नंबर १२३ कहाँ है", "नंबर 123")]
    [InlineData("हिन्दी", "हिन्दी")]
    [InlineData("שָׁלוֹם", "שלום")]
    [InlineData("订单在哪里", "订单")]
    [InlineData("订单在哪里", "哪")]
    [InlineData("สวัสดีครับ", "สวัสดี")]
    [InlineData("カタカナ", "かたかな")]
    [InlineData("안녕하세요", "\u110B\u1161\u11AB\u1102\u1167\u11BC")]
    [InlineData("Thanks 🎉👍🏽", "🎉")]
    [InlineData("Thanks 🎉👍🏽", "👍")]
    [InlineData("I ❤\uFE0F it", "❤")]
    [InlineData("zero\u200Bwidth\u202E and \u2066bidi\u2069", "zerowidth bidi")]
    [InlineData("Anna Bell", "be")]
    [InlineData("+919876543210", "+91 98765 43210")]
    public void It_is_found_and_the_index_has_all_that_is_asked_for(string text, string asked)
    {
        var (words, wanted) = (FoldedText.Words(text), FoldedText.Words(asked));
        wanted.ShouldNotBeEmpty();
        SearchTokens.Matches(words, wanted).ShouldBeTrue();
        SearchTokens.Wanted(Key, wanted).Except(SearchTokens.Of(Key, words)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("Anna Bell", "el")] // a short word is a beginning
    [InlineData("Anna Bell", "anna ball")]
    [InlineData("order 12", "123")]
    [InlineData("की", "का")] // a sign makes another syllable
    public void It_is_not_found(string text, string asked) =>
        SearchTokens.Matches(FoldedText.Words(text), FoldedText.Words(asked)).ShouldBeFalse();

    [Fact]
    public void Half_characters_marks_alone_and_nothing_are_no_trouble()
    {
        FoldedText.Words("\ud83d \u0301\u200b ,.;").ShouldBeEmpty();
        FoldedText.Words("").ShouldBeEmpty();
        SearchTokens.Of(Key, FoldedText.Words(new string('a', 100_000))).Length.ShouldBeLessThan(10);
        SearchTokens.Of(Key,
            FoldedText.Words(string.Concat(Enumerable.Range(0, 40_000).Select(i => $"w{i} ")))).Length.ShouldBeLessThanOrEqualTo(
            SearchTokens.Max);
    }

    [Fact]
    public void A_neighbours_key_gives_other_tokens() =>
        SearchTokens.Of(Key, FoldedText.Words("hello world"))
        .Intersect(SearchTokens.Of(SHA256.HashData("another"u8), FoldedText.Words("hello world"))).ShouldBeEmpty();
}
