using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Sharding;
using MediatR;
using OtpNet;
using QRCoder;

namespace Bsp.Infrastructure.Auth;

/// <summary>One's own second factor: begun with the password, in use from its first right code on.</summary>
public sealed class SecondFactorHandlers(Shards shards, SecondFactors seconds, OwnPassword own, SessionDirectory sessions,
    ISecrets secrets, AuditLog audit, BspOptions options, TimeProvider clock)
    : IRequestHandler<GetSecondFactor, SecondFactorView>, IRequestHandler<BeginSecondFactor, SecondFactorSecret>,
    IRequestHandler<ConfirmSecondFactor, RecoveryCodes>, IRequestHandler<DisableSecondFactor, Done>,
    IRequestHandler<RenewRecoveryCodes, RecoveryCodes>
{
    private const int SecretBytes = 20; // as long as the hash: RFC 4226, 4
    private const string Issuer = "Bsp";

    public async Task<SecondFactorView> Handle(GetSecondFactor request, CancellationToken cancellationToken)
    {
        await using var command = shards.Directory.CreateCommand("""
            SELECT $3 = ANY (o.second_factor_roles), f.confirmed_at, coalesce(cardinality(f.recovery_codes), 0)
              FROM bsp.directory_organizations o LEFT JOIN bsp.directory_second_factors f
                ON f.user_id = $1 AND f.confirmed_at IS NOT NULL WHERE o.organization_id = $2
            """);
        Tenancy.Bind(command.Parameters, [request.UserId, request.OrganizationId, request.Role]);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return new(false, false, null, 0);
        }

        var required = reader.GetBoolean(0) || options.SecondFactorRoles.Contains(request.Role);
        return reader.IsDBNull(1) ? new(false, required, null, 0)
            : new(true, required, reader.GetFieldValue<DateTimeOffset>(1), reader.GetInt32(2));
    }

    public async Task<SecondFactorSecret> Handle(BeginSecondFactor request, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var (email, _) = await own.RequireAsync(home, request.OrganizationId, request.UserId, request.Password, cancellationToken);
        var secret = KeyGeneration.GenerateRandomKey(SecretBytes);
        var text = Base32Encoding.ToString(secret).TrimEnd('=');
        await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, _) =>
            await SecondFactorRows.PutAsync(directory, request.OrganizationId, request.UserId, secrets.Seal(text), cancellationToken)
                ? true : throw new Refusal("auth.second_factor_exists", "You have a second factor: disable it first."), cancellationToken);
        var uri = new OtpUri(OtpType.Totp, text, email, Issuer).ToString();
        return new(text, uri, Rows(uri));
    }

    public async Task<RecoveryCodes> Handle(ConfirmSecondFactor request, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var codes = RecoveryCode.NewSet();
        var ended = await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, ownRows) =>
        {
            var now = clock.GetUtcNow();
            var factor = await SecondFactorRows.LockAsync(directory, request.UserId, cancellationToken)
                ?? throw new Refusal("auth.second_factor_missing", "Ask for a secret first: POST /v1/auth/second-factor.");
            if (factor.ConfirmedAt is not null)
            {
                throw new Refusal("auth.second_factor_exists", "You have a second factor: disable it first.");
            }

            var step = seconds.StepOf(factor, request.Code, now) ?? throw SecondFactors.Wrong();
            await SecondFactorRows.ConfirmAsync(directory, request.UserId, step, now, Hashes(codes), cancellationToken);
            var tokens = await SessionDirectory.EndAsync(directory, request.UserId, null, request.TokenHash, cancellationToken);
            await audit.NoteAsync(ownRows, home, request.OrganizationId, "user.second_factor_enabled", "user", request.UserId, null,
                cancellationToken);
            return tokens;
        }, cancellationToken);
        await sessions.ForgetAsync(ended, cancellationToken);
        return new(codes);
    }

    public async Task<Done> Handle(DisableSecondFactor request, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        await own.RequireAsync(home, request.OrganizationId, request.UserId, request.Password, cancellationToken);
        if ((await Handle(new GetSecondFactor(request.OrganizationId, request.UserId, request.Role), cancellationToken)).Required)
        {
            throw new Refusal("auth.second_factor_needed", "Your role must have a second factor: you cannot be without one.");
        }

        await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, ownRows) =>
        {
            if (await SecondFactorRows.DropAsync(directory, request.UserId, cancellationToken) > 0)
            {
                await audit.NoteAsync(ownRows, home, request.OrganizationId, "user.second_factor_disabled", "user", request.UserId, null,
                    cancellationToken);
            }

            return true;
        }, cancellationToken);
        return new(request.UserId, 0);
    }

    public async Task<RecoveryCodes> Handle(RenewRecoveryCodes request, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        await own.RequireAsync(home, request.OrganizationId, request.UserId, request.Password, cancellationToken);
        var codes = RecoveryCode.NewSet();
        await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, ownRows) =>
        {
            if (await SecondFactorRows.SetCodesAsync(directory, request.UserId, Hashes(codes), cancellationToken) == 0)
            {
                throw new Refusal("auth.second_factor_missing", "You have no second factor.");
            }

            await audit.NoteAsync(ownRows, home, request.OrganizationId, "user.recovery_codes_renewed", "user", request.UserId, null,
                cancellationToken);
            return true;
        }, cancellationToken);
        return new(codes);
    }

    private static string[] Hashes(IEnumerable<string> codes) => [.. codes.Select(code => RecoveryCode.HashOf(code)!)];

    private static List<string> Rows(string uri)
    {
        using var code = QRCodeGenerator.GenerateQrCode(uri, QRCodeGenerator.ECCLevel.M);
        return code.ModuleMatrix.ConvertAll(row => string.Concat(row.Cast<bool>().Select(dark => dark ? '1' : '0')));
    }
}
