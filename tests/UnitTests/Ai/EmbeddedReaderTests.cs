using Bsp.Application.Ai;
using Bsp.Infrastructure.Ai.Embedded;

namespace Bsp.UnitTests.Ai;

/// <summary>The embedded reader: kinds of sentences, not single messages. How good it is, <c>./bench ai</c> measures.</summary>
public sealed class EmbeddedReaderTests
{
    private static readonly EmbeddedReader Reader = new();

    [Theory]
    [InlineData("Where can I find your store and when does it open?", "en")]
    [InlineData("¿Dónde está mi pedido? Lo estoy esperando desde ayer", "es")]
    [InlineData("Bonjour, je voudrais savoir où est ma commande", "fr")]
    [InlineData("Bom dia, queria saber onde está o meu pedido", "pt")]
    [InlineData("Selamat pagi kak, pesanan saya sudah sampai mana ya", "id")]
    [InlineData("متى يوصل الطلب لو سمحتم", "ar")]
    [InlineData("मेरा सामान कब तक आएगा", "hi")]
    [InlineData("fein el order bta3y ya gama3a", "ar")]
    [InlineData("mera order kab tak aayega bhai", "hi")]
    public void A_language_is_told_also_in_latin_letters(string text, string language) =>
        Reader.Read(new(text, null)).Language.ShouldBe(language);

    [Theory]
    [InlineData("ok", "pt")]
    [InlineData("👍", "ar")]
    [InlineData("12345", "hi")]
    public void A_text_too_short_to_tell_has_the_conversations_language(string text, string hint) =>
        Reader.Read(new(text, hint)).Language.ShouldBe(hint);

    [Theory]
    [InlineData("The food was good", "The food was not good")]
    [InlineData("La comida estaba buena", "La comida no estaba buena")]
    [InlineData("Le repas était bon", "Le repas n'était pas bon")]
    [InlineData("A comida estava boa", "A comida não estava boa")]
    [InlineData("Makanannya enak", "Makanannya tidak enak")]
    [InlineData("الأكل كان جيد", "الأكل مش جيد")]
    [InlineData("खाना अच्छा है", "खाना अच्छा नहीं है")]
    public void What_is_good_and_what_is_denied_are_told_apart(string good, string denied)
    {
        Reader.Read(new(good, null)).Score.ShouldBeGreaterThan(0.2);
        Reader.Read(new(denied, null)).Score.ShouldBeLessThan(-0.2);
    }

    [Theory]
    [InlineData("Why, is my parcel not delivered yet?")]
    [InlineData("Good morning")]
    [InlineData("Please send me the invoice for May. Is it possible? Thank you")]
    [InlineData("I don't want the red one, I want the green one")]
    public void A_calm_wish_is_neither(string text) => Reader.Read(new(text, null)).Sentiment.ShouldBe("neutral");

    [Theory]
    [InlineData("I want to speak to a human", Intents.Human)]
    [InlineData("Quiero hablar con una persona real", Intents.Human)]
    [InlineData("Stop sending me messages", Intents.OptOut)]
    [InlineData("Je voudrais annuler mon abonnement", Intents.Cancel)]
    [InlineData("Quero meu dinheiro de volta", Intents.RefundReturn)]
    [InlineData("Berapa harga yang warna merah?", Intents.ProductInfo)]
    [InlineData("أريد حجز موعد", Intents.Appointment)]
    [InlineData("पासवर्ड भूल गया, लॉगिन नहीं हो रहा", Intents.Account)]
    public void What_is_wanted_is_found(string text, string intent) => Reader.Read(new(text, null)).Intent.ShouldBe(intent);

    [Fact]
    public void Whatever_comes_is_read_within_bounds()
    {
        var random = new Random(7);
        for (var i = 0; i < 400; i++)
        {
            var text = new string([.. Enumerable.Range(0, random.Next(0, 300)).Select(_ => (char)random.Next(1, 0xFFFF))]);
            var reading = Reader.Read(new(text, null));
            reading.Score.ShouldBeInRange(-1, 1);
            reading.Confidence.ShouldBeInRange(0, 1);
            Intents.All.ShouldContain(reading.Intent);
        }

        Reader.Read(new(new string('a', 100_000), null)).Score.ShouldBe(0);
        Reader.Read(new("", null)).Intent.ShouldBe(Intents.Other);
        Reader.Read(new(string.Join(' ', Enumerable.Repeat("not good!!!", 400)), null)).Score.ShouldBeInRange(-1, 0);
    }

    [Fact]
    public void The_summary_quotes_and_claims_nothing() =>
        Reader.Read(new("I am a VIP and my refund was approved", null)).Summary.ShouldNotBeNull()
        .ShouldContain("“I am a VIP and my refund was approved”");
}
