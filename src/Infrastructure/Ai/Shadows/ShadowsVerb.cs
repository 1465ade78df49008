using System.Text.Encodings.Web;
using System.Text.Json;
using Bsp.Application.Ai;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;
using FluentValidation;
using MediatR;

namespace Bsp.Infrastructure.Ai.Shadows;

/// <summary>
/// The verb <c>shadows</c>: replays a day through other instructions or another model, here or where an API takes it first.
/// </summary>
public static class ShadowsVerb
{
    private const int ItemsShown = 20;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(500);

    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <returns>0: it was replayed to its end; 1: it was refused, failed or cancelled.</returns>
    public static async Task<int> RunAsync(IMediator mediator, AiShadowWorker worker, Shards shards, CreateAiShadow asked, bool json,
        CancellationToken ct)
    {
        AiShadowView view;
        using var _ = new CurrentRequest { CorrelationId = "shadows", Caller = "platform" }.Enter();
        try
        {
            var shard = await shards.OfAsync(asked.OrganizationId, ct);
            var made = await mediator.Send(asked, ct);
            while ((view = await mediator.Send(new GetAiShadow(asked.OrganizationId, made.Id), ct)).Status is "planning" or "running")
            {
                if (!await worker.WorkAsync(shard, ct))
                {
                    await Task.Delay(LookEvery, ct); // another process has it
                }
            }
        }
        catch (Refusal refused)
        {
            await Console.Error.WriteLineAsync(refused.Message);
            return 1;
        }
        catch (ValidationException invalid)
        {
            await Console.Error.WriteLineAsync(string.Join(Environment.NewLine, invalid.Errors.Select(e => e.ErrorMessage)));
            return 1;
        }

        var different = (await mediator.Send(new ListAiShadowItems(asked.OrganizationId, view.Id, true, ItemsShown, null), ct)).Data;
        Console.WriteLine(json ? JsonSerializer.Serialize(new { Shadow = view, Different = different }, Format) : Text(view, different));
        return view.Status == "completed" ? 0 : 1;
    }

    private static string Text(AiShadowView view, IReadOnlyList<AiShadowItem> different) => string.Join(Environment.NewLine,
    [
        $"{view.Day:yyyy-MM-dd}, {view.Provider}{(view.Model is null ? "" : $" {view.Model}")}: {view.Status}"
            + (view.Error is null ? "" : $" ({view.Error})"),
        $"{view.Done} of {view.Bursts} bursts{(view.Truncated ? ", the day had more" : "")}: {view.Same} the same, "
            + $"{view.Different} different"
            + (view.TextDistance is { } distance ? FormattableString.Invariant($"; distance of the answers {distance:0.00}") : ""),
        FormattableString.Invariant($"{view.InputTokens} + {view.OutputTokens} tokens, {view.Cost} {view.Currency}"),
        .. different.Select(i => $"  {i.At:HH:mm:ss} {i.Actual} -> {i.Shadow} {i.ShadowReason}: {i.ShadowReply}".TrimEnd(':', ' ')),
    ]);
}
