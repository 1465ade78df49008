using System.Text.Json;
using Bsp.MetaSimulator;

namespace Bsp.UnitTests.MetaSimulator;

public sealed class MagicNumberTests
{
    private const string Prefix = "+49151123";

    [Theory]
    [InlineData("4567", "sent delivered read")]
    [InlineData("0001", "failed")]
    [InlineData("0004", "sent delivered")]
    [InlineData("0007", "failed")]
    [InlineData("0008", "failed")]
    [InlineData("0011", "sent delivered read")]
    [InlineData("0012", "delivered sent read")]
    [InlineData("0013", "sent sent sent delivered delivered delivered read read read")]
    [InlineData("0014", "")]
    [InlineData("0018", "sent read")]
    [InlineData("0019", "sent failed")]
    [InlineData("0020", "failed")]
    [InlineData("0022", "failed")]
    [InlineData("0023", "sent delivered read")]
    public async Task An_accepted_message_runs_through_the_statuses_of_its_recipient(string ending, string statuses)
    {
        // one lane, so that POSTs cannot overtake each other
        await using var stage = await Stage.Set(new() { WebhookConcurrency = 1 });
        (await stage.SendText(Prefix + ending)).Status.ShouldBe(200);
        string.Join(' ', await stage.Statuses(Prefix + ending)).ShouldBe(statuses);
    }

    [Theory]
    [InlineData("0001", 131026)]
    [InlineData("0007", 131049)]
    [InlineData("0008", 131050)]
    [InlineData("0019", 131026)]
    [InlineData("0020", 131047)]
    [InlineData("0022", 132015)]
    public async Task A_failed_status_names_its_error_and_no_contact(string ending, int code)
    {
        await using var stage = await Stage.Set();
        await stage.SendText(Prefix + ending, callback: "m1");
        await stage.Settled();
        var failed = stage.Receiver.All.SelectMany(r => r.Statuses).Single(s => s.GetProperty("status").GetString() == "failed");
        failed.GetProperty("errors")[0].GetProperty("code").GetInt32().ShouldBe(code);
        failed.GetProperty("errors")[0].GetProperty("error_data").GetProperty("details").GetString().ShouldNotBeNullOrEmpty();
        failed.GetProperty("biz_opaque_callback_data").GetString().ShouldBe("m1");
        failed.TryGetProperty("recipient_user_id", out _).ShouldBeFalse();
        failed.TryGetProperty("pricing", out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData("0006", 400, 131026)]
    [InlineData("0021", 503, 131016)]
    public async Task Some_recipients_are_always_refused_at_once(string ending, int status, int code)
    {
        await using var stage = await Stage.Set();
        for (var i = 0; i < 3; i++)
        {
            var answer = await stage.SendText(Prefix + ending);
            (answer.Status, answer.Code).ShouldBe((status, code));
        }

        stage.Simulator.State.CountOfRecipient(Prefix[1..] + ending).ShouldBe((3, 0));
    }

    [Theory]
    [InlineData("0002", 2, 130429)]
    [InlineData("0016", 1, 131056)]
    public async Task Some_recipients_are_refused_a_few_times_and_then_accepted(string ending, int times, int code)
    {
        await using var stage = await Stage.Set();
        for (var i = 0; i < times; i++)
        {
            var refused = await stage.SendText(Prefix + ending);
            (refused.Status, refused.Code).ShouldBe((400, code));
        }

        (await stage.SendText(Prefix + ending)).Status.ShouldBe(200);
        (await stage.Statuses(Prefix + ending)).ShouldBe(["sent", "delivered", "read"]);
    }

    [Fact]
    public async Task An_unanswered_send_is_delivered_all_the_same()
    {
        await using var stage = await Stage.Set();
        using var patience = new CancellationTokenSource();
        using var body =
            new StringContent(
                JsonSerializer.Serialize(new { messaging_product = "whatsapp", to = Prefix + "0003", text = new { body = "x" } }));
        var sending = stage.Http.PostAsync($"v25.0/{Stage.Phone}/messages", body, patience.Token);
        await Stage.Until(() => stage.Simulator.State.ReadCounters().Hung == 1); // Meta has it and does not answer
        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(sending);
        (await stage.Statuses(Prefix + "0003")).ShouldBe(["sent", "delivered", "read"]);
        stage.Simulator.State.ReadCounters().Hung.ShouldBe(1);
    }

    [Fact]
    public async Task A_hung_connection_is_dropped_in_the_end()
    {
        await using var stage = await Stage.Set(new() { HangMs = 50 });
        await Should.ThrowAsync<HttpRequestException>(() => stage.SendText(Prefix + "0003"));
    }

    [Theory]
    [InlineData("0005", "STOP")]
    [InlineData("0015", "Grüße! Is this still on? 👍")]
    public async Task Some_customers_answer_once_in_their_own_words(string ending, string reply)
    {
        await using var stage = await Stage.Set();
        var first = await stage.SendText(Prefix + ending);
        await stage.SendText(Prefix + ending);
        await stage.Settled();
        var message = stage.Receiver.All.SelectMany(r => r.Messages).Single();
        message.GetProperty("text").GetProperty("body").GetString().ShouldBe(reply);
        message.GetProperty("from").GetString().ShouldBe(Prefix[1..] + ending);
        message.GetProperty("context").GetProperty("id").GetString().ShouldBe(first.Wamid);
    }

    [Fact]
    public async Task A_server_error_may_mean_that_nothing_was_sent()
    {
        await using var stage = await Stage.Set();
        (await stage.SendText(Prefix + "0009")).Status.ShouldBe(500);
        await stage.Settled();
        stage.Receiver.All.ShouldBeEmpty();
        stage.Simulator.State.CountOfRecipient(Prefix[1..] + "0009").ShouldBe((1, 0));
    }

    [Fact]
    public async Task A_server_error_may_mean_that_the_message_was_sent()
    {
        await using var stage = await Stage.Set();
        (await stage.SendText(Prefix + "0010")).Status.ShouldBe(500);
        (await stage.Statuses(Prefix + "0010")).ShouldBe(["sent", "delivered", "read"]);
    }

    [Fact]
    public async Task A_connection_may_be_cut_after_the_message_was_accepted()
    {
        await using var stage = await Stage.Set();
        await Should.ThrowAsync<HttpRequestException>(() => stage.SendText(Prefix + "0017"));
        (await stage.Statuses(Prefix + "0017")).ShouldBe(["sent", "delivered", "read"]);
    }

    [Fact]
    public async Task An_answer_may_break_off_after_the_message_was_accepted()
    {
        await using var stage = await Stage.Set();
        await Should.ThrowAsync<JsonException>(() => stage.SendText(Prefix + "0024"));
        (await stage.Statuses(Prefix + "0024")).ShouldBe(["sent", "delivered", "read"]);
    }

    [Fact]
    public async Task A_template_may_be_held_for_quality_first()
    {
        await using var stage = await Stage.Set();
        await stage.CreateTemplate("held");
        await stage.Settled(TimeSpan.FromSeconds(60), _ => true);
        var answer = await stage.SendTemplate(Prefix + "0011", "held", "Ann");
        answer.Body.GetProperty("messages")[0].GetProperty("message_status").GetString().ShouldBe("held_for_quality_assessment");
        (await stage.Statuses(Prefix + "0011")).ShouldBe(["sent", "delivered", "read"]);
    }

    [Fact]
    public async Task An_early_status_comes_before_the_answer()
    {
        await using var stage = await Stage.Set();
        var answer = await stage.SendText(Prefix + "0023");
        stage.Receiver.StatusesOf(answer.Wamid).ShouldContain("sent");
    }

    [Fact]
    public async Task A_customer_may_stop_marketing_by_the_button()
    {
        await using var stage = await Stage.Set();
        await stage.SendText(Prefix + "0025");
        await stage.Settled();
        var change = stage.Receiver.All.SelectMany(r => r.Changes).Single(c => c.GetProperty("field").GetString() == "user_preferences");
        change.GetProperty("value").GetProperty("user_preferences")[0].GetProperty("value").GetString().ShouldBe("stop");
    }

    [Fact]
    public async Task Without_magic_every_recipient_is_normal()
    {
        await using var stage = await Stage.Set(new() { MagicNumbers = false });
        (await stage.SendText(Prefix + "0006")).Status.ShouldBe(200);
    }
}
