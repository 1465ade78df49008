using System.Security.Cryptography;
using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Application.Templates;
using Bsp.Domain.Common;
using MediatR;

namespace Bsp.Application.Accounts;

/// <summary>
/// Carries a signup on, step by step. What a step came to is committed before the next begins, and every step may be done again: whoever is
/// killed in between is followed by another process, which begins with the step that was under way.
/// </summary>
public sealed class SignupProcess(ISignups signups, IMetaOnboarding onboarding, IMeta meta, IMediator mediator, TimeProvider clock)
{
    private const int StepsMax = 20;
    private static readonly TimeSpan PauseMax = TimeSpan.FromHours(1);
    private static readonly TimeSpan Locked = TimeSpan.FromHours(72);

    /// <summary>Its steps, in their order.</summary>
    public static readonly IReadOnlyList<string> Steps =
        ["token", "proof", "account", "portfolio", "registration", "connection", "synchronization", "templates"];

    public const string Completed = "completed";

    /// <summary>As far as it goes now.</summary>
    public async Task CarryAsync(Guid organizationId, Guid id, CancellationToken ct)
    {
        for (var i = 0; i < StepsMax; i++)
        {
            if (await signups.FindAsync(organizationId, id, ct) is not { View.Status: "running" or "waiting" } signup
                || !await StepAsync(signup, ct))
            {
                return;
            }
        }
    }

    // False: it waits, is over, or somebody else carries it.
    private async Task<bool> StepAsync(OpenSignup signup, CancellationToken ct)
    {
        try
        {
            return await signups.AdvanceAsync(signup, await DoAsync(signup, ct), ct) && signup.View.Step != Steps[^1];
        }
        catch (MetaRefused refused)
        {
            await signups.WaitAsync(signup, Judge(signup, refused), ct);
        }
        catch (Waits waits)
        {
            await signups.WaitAsync(signup, waits.Wait, ct);
        }
        catch (Refusal refusal)
        {
            await signups.WaitAsync(signup, new(refusal.Code switch
            {
                "plan.limit_reached" => "plan", "account.number_taken" => "number", _ => "meta",
            }, refusal.Code, refusal.Message, null), ct);
        }

        return false;
    }

    private Task<SignupProgress> DoAsync(OpenSignup signup, CancellationToken ct) => signup.View.Step switch
    {
        "token" => TokenAsync(signup, ct),
        "proof" => ProofAsync(signup, ct),
        "account" => AccountAsync(signup, ct),
        "portfolio" => PortfolioAsync(signup, ct),
        "registration" => RegistrationAsync(signup, ct),
        "connection" => ConnectionAsync(signup, ct),
        "synchronization" => SynchronizationAsync(signup, ct),
        _ => TemplatesAsync(signup, ct),
    };

    private async Task<SignupProgress> TokenAsync(OpenSignup signup, CancellationToken ct)
    {
        var code = signup.Code ?? throw new Waits(new("code", "signup.code_used",
            "The code was exchanged and the answer lost, or it is gone: go through Embedded Signup again, and resume with the new code.",
            null));
        return Over(signup, "Meta exchanged the code for a token.") with { Token = await onboarding.ExchangeAsync(code, ct) };
    }

    private async Task<SignupProgress> ProofAsync(OpenSignup signup, CancellationToken ct)
    {
        var facts = await meta.ProveAsync(signup.Number, ct);
        return Over(signup, $"Meta lists {facts.DisplayPhoneNumber} among the numbers of the WABA, and the token may act for it.");
    }

    private async Task<SignupProgress> AccountAsync(OpenSignup signup, CancellationToken ct)
    {
        var standing = await onboarding.StandingAsync(signup.Number, ct);
        var pin = signup.Pin ?? RandomNumberGenerator.GetString("0123456789", 6);
        var (account, done) = await signups.KeepAccountAsync(signup with { Pin = pin }, standing, ct);
        return Over(signup, done) with { AccountId = account, Coexistence = standing.Coexistence, Pin = pin };
    }

    private async Task<SignupProgress> PortfolioAsync(OpenSignup signup, CancellationToken ct)
    {
        var facts = await onboarding.WabaAsync(signup.Number, ct);
        await signups.KeepPortfolioAsync(signup, facts, ct);
        return Over(signup, facts.BusinessId is { } id ? $"The WABA is of the portfolio {id}." : "Meta names no portfolio.")
            with { MetaBusinessId = facts.BusinessId };
    }

    private async Task<SignupProgress> RegistrationAsync(OpenSignup signup, CancellationToken ct)
    {
        var standing = await onboarding.StandingAsync(signup.Number, ct);
        if (standing.Coexistence || standing.Registered)
        {
            return Over(signup, standing.Coexistence ? "The number is registered by the business app." : "It was registered already.",
                "skipped");
        }

        if (await signups.CountRegistrationAsync(signup, ct) is { } room)
        {
            throw new Waits(new("time", "signup.registrations",
                "Meta lets a number be registered ten times in 72 hours, and that was done: it goes on when there is room again.", room));
        }

        await onboarding.RegisterAsync(signup.Number, signup.Pin!, ct);
        return Over(signup, "The number is registered.");
    }

    private async Task<SignupProgress> ConnectionAsync(OpenSignup signup, CancellationToken ct)
    {
        await mediator.Send(new SyncAccount(signup.OrganizationId, signup.View.AccountId!.Value, Connect: true, null), ct);
        return Over(signup, "Webhooks come here, and the account is connected.");
    }

    private async Task<SignupProgress> SynchronizationAsync(OpenSignup signup, CancellationToken ct)
    {
        if (signup.View.Coexistence is not true)
        {
            return Over(signup, null, "skipped");
        }

        await onboarding.SynchronizeAsync(signup.Number, ct);
        return Over(signup, "Contacts and history of the business app were asked for.");
    }

    private async Task<SignupProgress> TemplatesAsync(OpenSignup signup, CancellationToken ct)
    {
        var report = await mediator.Send(new SyncTemplates(signup.OrganizationId, signup.View.AccountId!.Value), ct);
        return Over(signup, $"{report.Listed} templates at Meta: {report.Imported} taken over, {report.Changed} changed.");
    }

    private SignupProgress Over(OpenSignup signup, string? detail, string status = "done")
    {
        var step = signup.View.Step;
        var next = Steps.SkipWhile(s => s != step).Skip(1).FirstOrDefault() ?? Completed;
        return new(new(step, status, clock.GetUtcNow(), detail), next);
    }

    // Source of the codes: Meta, Cloud API error codes.
    private SignupWait Judge(OpenSignup signup, MetaRefused refused)
    {
        var (now, code) = (clock.GetUtcNow(), refused.Code is { } c ? $"meta.{c}" : null);
        var pause = TimeSpan.FromSeconds(Math.Min(PauseMax.TotalSeconds, 5 * Math.Pow(2, Math.Min(signup.Attempts, 12))));
        return (refused.Code, signup.View.Step) switch
        {
            (133005, _) => new("pin", code, refused.Message, null),
            (133016, _) => new("time", code, refused.Message, now + Locked),
            (133008 or 133009, _) => new("pin", code, refused.Message, null),
            (133015, _) => new("time", code, refused.Message, now + TimeSpan.FromMinutes(5)),
            _ when refused.Retryable => new("time", code, refused.Message, now + pause),
            (_, "token") => new("code", code, refused.Message, null),
            _ when refused.Denied => new("code", code, refused.Message, null),
            _ => new("meta", code, refused.Message, null),
        };
    }

    private sealed class Waits(SignupWait wait) : Exception(wait.Error)
    {
        public SignupWait Wait => wait;
    }
}

public sealed class SignupHandlers(ISignups signups, SignupProcess process, IMetaOnboarding onboarding) :
    IRequestHandler<BeginSignup, SignupView>, IRequestHandler<ResumeSignup, SignupView>, IRequestHandler<GetSignup, SignupView>
{
    // Who asks waits so long for it; then it goes on without them.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public async Task<SignupView> Handle(BeginSignup command, CancellationToken ct)
    {
        if (!onboarding.IsConfigured)
        {
            throw new Refusal("signup.not_configured",
                "The platform's Meta app is not configured (Bsp:Meta:AppId, Bsp:Meta:AppSecret), so that codes cannot be exchanged.");
        }

        return await CarriedAsync(command.OrganizationId, await signups.BeginAsync(command, ct), ct);
    }

    public async Task<SignupView> Handle(ResumeSignup command, CancellationToken ct)
    {
        var known = await Handle(new GetSignup(command.OrganizationId, command.Id), ct);
        if (!await signups.ResumeAsync(command, ct))
        {
            throw new Refusal("signup.completed", $"The signup is {known.Status}: there is nothing to go on with.");
        }

        return await CarriedAsync(command.OrganizationId, command.Id, ct);
    }

    public async Task<SignupView> Handle(GetSignup query, CancellationToken ct) =>
        (await signups.FindAsync(query.OrganizationId, query.Id, ct))?.View
        ?? throw new Refusal("signup.unknown", "There is no such signup.");

    // The request's idempotency claim is done with the beginning: what follows are transactions of the process's own.
    private async Task<SignupView> CarriedAsync(Guid organizationId, Guid id, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        var request = CurrentRequest.Value;
        using (new CurrentRequest
        {
            CorrelationId = request?.CorrelationId ?? $"signup {id}", Caller = request?.Caller, RemoteAddress = request?.RemoteAddress,
        }.Enter())
        {
            try
            {
                await process.CarryAsync(organizationId, id, patience.Token);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                // the worker goes on with it when the lease ends
            }
        }

        return await Handle(new GetSignup(organizationId, id), ct);
    }
}
