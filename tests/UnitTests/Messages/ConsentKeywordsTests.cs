using Bsp.Application.Messages;

namespace Bsp.UnitTests.Messages;

public sealed class ConsentKeywordsTests
{
    [Theory]
    [InlineData("STOP")]
    [InlineData(" stop. ")]
    [InlineData("\"Stop!\"")]
    [InlineData("Stop  all")]
    [InlineData("Stop promotions")]
    [InlineData("ABMELDEN")]
    [InlineData("Arrêt")]
    [InlineData("arre\u0302t")]
    [InlineData("¡Baja!")]
    [InlineData("\u200Fتوقف\u200F")]
    [InlineData("إلغاء الاشتراك")]
    [InlineData("СТОП")]
    [InlineData("ＳＴＯＰ")]
    [InlineData("रोकें")]
    [InlineData("退订。")]
    [InlineData("停止")]
    [InlineData("הסר")]
    public void A_word_for_stopping_stops(string text) => ConsentKeywords.Read(text).ShouldBe("OPTED_OUT");

    [Theory]
    [InlineData("Start")]
    [InlineData("unstop")]
    [InlineData("Alta.")]
    [InlineData("s'abonner")]
    [InlineData("ابدأ")]
    [InlineData("Başla")]
    [InlineData("शुरू करें")]
    public void A_word_for_starting_starts(string text) => ConsentKeywords.Read(text).ShouldBe("OPTED_IN");

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("...")]
    [InlineData("please stop by tomorrow")]
    [InlineData("don't stop")]
    [InlineData("stop it")]
    [InlineData("stopp bitte nicht")]
    [InlineData("restart")]
    [InlineData("\ud83d")]
    public void Anything_else_is_no_keyword(string? text) => ConsentKeywords.Read(text).ShouldBeNull();
}
