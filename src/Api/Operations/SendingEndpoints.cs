using Bsp.Api.Common;
using Bsp.Application.Messages;
using Carter;

namespace Bsp.Api.Operations;

/// <summary>/v1/sending: whether anything leaves, for all processes at once.</summary>
[Chapter("sending", "Whether anything leaves for customers, for all processes at once.")]
public sealed class SendingEndpoints : ICarterModule
{
    private const int ReasonMax = 200;

    /// <param name="Reason">Shown to whoever asks why nothing leaves.</param>
    public sealed record PauseSendingRequest(string? Reason);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var sending = app.MapGroup("/v1/sending").WithTags("Operations");
        sending.MapGet("", Read).Describe("Whether anything leaves for customers, and why not.").Produces<SendingState>();
        sending.MapPost("/pause", Pause)
            .Describe("Nothing leaves any more from any process: no message, no page of a campaign, no webhook to organizations' "
                + "systems. What Meta was already asked goes on to its end.")
            .Produces<SendingState>();
        sending.MapPost("/resume", Resume).Describe("Goes on; also after a start with Bsp:Sending:Enabled=false.").Produces<SendingState>();
    }

    private static async Task<IResult> Read(ISendingSwitch sending, CancellationToken ct) => TypedResults.Ok(await sending.ReadAsync(ct));

    private static async Task<IResult> Pause(PauseSendingRequest body, ISendingSwitch sending, CancellationToken ct) =>
        body.Reason is { Length: > ReasonMax }
            ? throw Problem.Field("request.invalid", "reason", $"must have at most {ReasonMax} characters.")
            : TypedResults.Ok(await sending.SetAsync(held: true, body.Reason, ct));

    private static async Task<IResult> Resume(ISendingSwitch sending, CancellationToken ct) =>
        TypedResults.Ok(await sending.SetAsync(held: false, null, ct));
}
